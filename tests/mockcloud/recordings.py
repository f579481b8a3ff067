"""Reading the recordings of a real Deltacloud server."""

from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

FOLDER = Path(__file__).parent.parent / "recordings"


@frozen
class Exchange:
    """One recorded exchange."""

    name: str
    method: str
    path: str
    request_headers: dict[str, str]
    form: str
    status: int
    headers: dict[str, str]
    body: bytes


def read(path: Path) -> Exchange:
    """Read one recording."""
    head, _, body = path.read_bytes().partition(b"\n\n")
    lines = head.decode().splitlines()
    asked = [line[1:].removeprefix(" ") for line in lines if line.startswith(">")]
    told = [line[2:] for line in lines if line.startswith("< ")]
    method, target, _ = asked[0].split(" ")
    blank = asked.index("") if "" in asked else len(asked)
    return Exchange(
        path.stem,
        method,
        target,
        dict(line.split(": ", 1) for line in asked[1:blank]),
        "".join(asked[blank + 1 :]),
        int(told[0].split(" ")[1]),
        {name.lower(): value for name, value in (line.split(": ", 1) for line in told[1:])},
        body,
    )


def rest_session() -> Iterator[Exchange]:
    """The recordings of the REST API, in their order: one session with one server."""
    for path in sorted(FOLDER.glob("*.txt")):
        if int(path.name[:2]) <= 76:
            yield read(path)
