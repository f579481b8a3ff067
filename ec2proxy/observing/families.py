"""The table of everything that is counted: names and units as Prometheus wants them."""

from typing import Literal

from attrs import frozen

Kind = Literal["counter", "histogram", "gauge"]
Together = Literal["sum", "max", "min"]


@frozen
class Family:
    """One metric.

    :param name: with its unit, and ``_total`` for a counter.
    :param labels: what tells its series apart; each has few values.
    :param together: what the values of several workers make.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    together: Together = "sum"


REQUESTS = Family(
    "ec2proxy_requests_total",
    "counter",
    "Requests that were answered. code is EC2's error code, empty for a success.",
    ("action", "code", "region"),
)
REQUEST_SECONDS = Family(
    "ec2proxy_request_duration_seconds", "histogram", "From a request's arrival to its answer.", ("action",)
)
SOURCES = Family(
    "ec2proxy_answers_total",
    "counter",
    "Successful answers by what they were made from: picture, backend, or none (nothing of the cloud was needed).",
    ("source",),
)
READS = Family(
    "ec2proxy_picture_reads_total",
    "counter",
    "Reads of pictures: hit where the one that is kept would do, miss where the backend had to be waited for.",
    ("region", "collection", "result"),
)
PICTURE_AGE = Family(
    "ec2proxy_picture_age_seconds",
    "gauge",
    "Seconds since a collection was last fetched from the backend, for anyone.",
    ("region", "collection"),
    "min",
)
PICTURES = Family("ec2proxy_pictures", "gauge", "Pictures that are kept.", ("region",))
PICTURE_BYTES = Family(
    "ec2proxy_picture_bytes", "gauge", "About how many bytes the pictures that are kept hold.", ("region",)
)
KEPT_BYTES = Family(
    "ec2proxy_kept_bytes",
    "gauge",
    "About how many bytes are kept of polls: questions, answers, and fragments that answers are made of.",
    ("what",),
)
CALLS = Family(
    "ec2proxy_backend_calls_total",
    "counter",
    "Calls of the backend; X.list is a refresh of a picture. error is empty for a success.",
    ("region", "operation", "error"),
)
CALL_SECONDS = Family(
    "ec2proxy_backend_call_duration_seconds",
    "histogram",
    "What calls of the backend took, the wait for a turn included.",
    ("region", "operation"),
)
STATE_SECONDS = Family(
    "ec2proxy_state_call_duration_seconds", "histogram", "What calls of the state store took.", ("operation",)
)
STATE_ERRORS = Family("ec2proxy_state_errors_total", "counter", "Calls of the state store that failed.", ("operation",))
WORK = Family("ec2proxy_unfinished_work", "gauge", "Promises to clients that are still pursued.", ("region",), "max")
CONNECTIONS = Family("ec2proxy_connections", "gauge", "Open connections of clients.")
LAG = Family(
    "ec2proxy_event_loop_lag_seconds",
    "gauge",
    "How late the event loop has been at worst in the last ten seconds.",
    together="max",
)
WORKERS = Family("ec2proxy_workers", "gauge", "Processes that serve and have told their numbers.")
LOST = Family("ec2proxy_log_lines_lost_total", "counter", "Lines that could not be written, by log.", ("log",))

FAMILIES = (
    REQUESTS,
    REQUEST_SECONDS,
    SOURCES,
    READS,
    PICTURE_AGE,
    PICTURES,
    PICTURE_BYTES,
    KEPT_BYTES,
    CALLS,
    CALL_SECONDS,
    STATE_SECONDS,
    STATE_ERRORS,
    WORK,
    CONNECTIONS,
    LAG,
    WORKERS,
    LOST,
)

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""The upper bounds of the histograms' buckets, in seconds: an answer from a picture takes less than the first."""
