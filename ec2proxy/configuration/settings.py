"""All settings: each is an option of the command line and a key of the configuration file, of the same name.

A new setting is one field here; whatever is made from it finds it in :class:`Settings`.
"""

from typing import Any, TypeVar

from attrs import Attribute, field, fields, frozen

from ec2proxy.actions.throttle import RATES, Rates, rates
from ec2proxy.cloud.launch import DOUBT_SECONDS
from ec2proxy.configuration.kinds import (
    ENDPOINTS,
    FILE,
    LOG,
    MORE_SECONDS,
    NAMES,
    SECONDS,
    SIZE,
    TEXT,
    WORKERS,
    Kind,
    choice,
    number,
    some_of,
)
from ec2proxy.observing.logs import FORMATS, LEVELS
from ec2proxy.state.opening import FORMS
from ec2proxy.web.site import IDLE

T = TypeVar("T")

MOCK = "mock"
FRONTENDS = ("ec2", "deltacloud")
HTTP = ("httptools", "twisted")
LISTEN = "tcp:3001:interface=127.0.0.1"


@frozen
class Setting:
    """What there is to know about one setting.

    :param name: as it is typed: ``state-key``.
    :param help: one or two sentences, for the command line and the documentation.
    :param shown: its default as it is typed; empty if there is none, or ``help`` tells it.
    :param short: a letter for the command line, or None.
    :param regional: whether each region may have its own.
    """

    name: str
    kind: Kind[Any]
    help: str
    shown: str
    short: str | None
    regional: bool


def setting(
    kind: Kind[T],
    default: Any,
    text: str,
    *,
    short: str | None = None,
    regional: bool = False,
    shown: str = "",
) -> Any:
    """A field of :class:`Settings`, named as the setting is with ``_`` for ``-``.

    :param text: its help.
    :param default: its value where nothing was said, as ``kind`` makes it; a tuple of them where there may be many.
    :param shown: the default as it is typed, where that is not what Python makes of it.
    """
    if not shown and default is not None:
        shown = f"{default:g}" if isinstance(default, float) else str(default)
    return field(
        default=default, metadata={"kind": kind, "help": text, "short": short, "regional": regional, "shown": shown}
    )


@frozen(kw_only=True)
class Settings:
    """What was said, or the defaults. Regions have settings of their own, which differ in what is regional."""

    backend: str = setting(
        TEXT, MOCK, "The Deltacloud API, http://host:3001/api, or 'mock' for the embedded cloud.", short="b"
    )
    driver: str | None = setting(
        TEXT, None, "The Deltacloud driver to ask the server for, if not its own.", regional=True
    )
    provider: str | None = setting(
        TEXT, None, "The driver's provider (an endpoint or region of it) to ask the server for.", regional=True
    )
    default_region: str | None = setting(
        TEXT, None, "The region of who names none, of those in the configuration file (default: the first)."
    )
    frontends: frozenset[str] = setting(
        some_of(*FRONTENDS),
        frozenset(FRONTENDS),
        "What is served: ec2, deltacloud or both, with a comma.",
        short="f",
        shown=",".join(FRONTENDS),
    )
    listen: tuple[str, ...] = setting(
        ENDPOINTS,
        (LISTEN,),
        "Where to listen, a Twisted endpoint; may be given several times.",
        short="l",
        shown=LISTEN,
    )
    http: str = setting(
        choice(*HTTP), HTTP[0], "What reads HTTP: httptools, which is fast, or twisted for all of it by twisted.web."
    )
    tls_cert: str | None = setting(
        FILE,
        None,
        "A PEM file with a certificate and its chain: clients at --listen have to speak TLS, but for ssl: and unix:.",
    )
    tls_key: str | None = setting(
        FILE, None, "The PEM file with the certificate's private key (default: it is in --tls-cert)."
    )
    backend_ca: str | None = setting(
        FILE,
        None,
        "A PEM file with the authorities that may certify an https backend, instead of the system's.",
        regional=True,
    )
    accounts: str | None = setting(
        FILE, None, "The accounts file (TOML): which access keys there are, and whom they are.", short="a"
    )
    state: str | None = setting(TEXT, None, f"Where ec2proxy keeps what it remembers: {FORMS}.")
    state_key: str | None = setting(
        FILE, None, "The file with the key that secrets in it are sealed with (default: FILE.key)."
    )
    freshness: float = setting(SECONDS, 1.0, "How old an answer about the cloud may be, in seconds.", regional=True)
    throttle: Rates = setting(
        Kind("classes with BUCKET:REFILL, off, or ec2", (str,), rates),
        RATES,
        "How fast one account may ask, CLASS=BUCKET:REFILL with commas, requests at once and a second; ec2 for EC2's"
        " own limits, off for none. Each worker counts for itself.",
        shown="mutating=200:50,instances=1000:50",
    )
    memory: int = setting(
        SIZE,
        256 << 20,
        "About how much memory the pictures of a cloud may take, in each worker; those unused for longest go first.",
        regional=True,
        shown="256MiB",
    )
    backend_calls: int = setting(
        number(1), 64, "How many calls a backend may be given at once, by each worker.", regional=True
    )
    timeout: float = setting(MORE_SECONDS, 60.0, "Seconds that one exchange with the backend may take.", regional=True)
    launch_doubt: float = setting(
        SECONDS,
        DOUBT_SECONDS,
        "Seconds for which a launch that was not answered may still lead to instances: a retry with its client token"
        " creates nothing before.",
        regional=True,
    )
    workers: int = setting(WORKERS, 1, "How many processes answer requests; auto is one for each processor.", shown="1")
    idle: float = setting(
        MORE_SECONDS, IDLE, "Seconds after which an idle connection is closed, and which a request may take to arrive."
    )
    drain: float = setting(SECONDS, 20.0, "Seconds that requests under way have to finish when the daemon stops.")
    admin_listen: tuple[str, ...] = setting(
        ENDPOINTS,
        (),
        "Where the operator's pages are: console, metrics, health; an endpoint of this machine only, for they show"
        " everybody's data.",
        shown="nowhere",
    )
    admin_token: str | None = setting(
        FILE, None, "The file with a token that the operator's pages are shown for, if anybody else may reach them."
    )
    admin_hosts: frozenset[str] = setting(
        NAMES,
        frozenset(),
        "Names by which browsers may call the operator's pages, beside addresses.",
        shown="localhost",
    )
    log_format: str = setting(choice(*FORMATS), "text", "The form of the log: text, json, or journal for systemd's.")
    log_level: str = setting(choice(*LEVELS), "info", "The least that is logged; each request is info.")
    audit_log: str | None = setting(
        LOG, None, "A file for one line of JSON about each request that changes a cloud, or - for standard output."
    )


def table() -> dict[str, Setting]:
    """All settings, by the names that are typed."""
    return {found.name: found for found in (_described(attribute) for attribute in fields(Settings))}


def field_of(name: str) -> str:
    """The field of :class:`Settings` with the setting of that name."""
    return name.replace("-", "_")


def _described(attribute: "Attribute[Any]") -> Setting:
    return Setting(name=attribute.name.replace("_", "-"), **attribute.metadata)
