"""What a request's line in the log says."""

from collections.abc import Sequence

from twisted.logger import Logger

from ec2proxy.ec2.record import Again, Record

# A path may be as long as a header; nobody reads that in a log.
_SHOWN = 200

_log = Logger(namespace="ec2proxy.access")


def through_logger(records: Sequence[Record | Again]) -> None:
    """Log requests as events of twisted.logger."""
    for record in map(whole, records):
        _log.info(
            "{client} {method} {path} {status} {milliseconds}ms id={request_id} action={action} principal={principal}"
            " region={region} error={error} source={source}",
            **fields(record),
        )


def whole(record: Record | Again) -> Record:
    """All that is known of a request."""
    return record.record if isinstance(record, Again) else record


def fields(record: Record) -> dict[str, object]:
    """What is told of a request, by name. The target's query is not: it holds signatures and names."""
    trace = record.trace
    return {
        "request_id": trace.request_id,
        "client": place(record.client),
        "method": shown(record.method),
        "path": shown(record.target.partition(b"?")[0]),
        "status": record.status,
        "milliseconds": round(record.seconds * 1000),
        "action": trace.action,
        "principal": trace.principal,
        "region": trace.region,
        "error": record.error,
        "source": trace.source,
    }


def place(address: object) -> str:
    """A client's address: the host, or for a Unix socket the word for that."""
    return str(getattr(address, "host", "unix"))


def shown(raw: bytes) -> str:
    """Bytes of a request as they may stand in a log."""
    text = raw[:_SHOWN].decode("ascii", "backslashreplace").replace("\x7f", "\\x7f")
    return text if len(raw) <= _SHOWN else f"{text}..."
