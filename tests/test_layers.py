"""Who may import whom, and how long things may be."""

import ast
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parents[1]
PACKAGE = "ec2proxy"
MODELS = {"model", "errors", "interfaces"}

#: A room, and all of ours that it may import beside itself: the rooms below it (design.rst).
BELOW: dict[str, set[str]] = {
    "ec2": set(),
    "model": set(),
    "errors": set(),
    "interfaces": {"model", "ec2"},
    "asking": {"ec2"},
    "tls": {"private"},
    "systemd": set(),
    "listening": {"sharing"},
    "workers": set(),
    "timekeeping": set(),
    "flights": set(),
    "collecting": set(),
    "toml": set(),
    "private": set(),
    "sharing": set(),
    "keys": {"auth"},
    "commandline": set(),
    "mockcloud": {"model", "commandline"},
    "drivers": MODELS | {"flights", "tls"},
    "observing": MODELS | {"ec2"},
    "auth": {"ec2", "model", "private", "toml"},
    "state": MODELS | {"private"},
    "cloud": MODELS | {"ec2", "flights", "observing", "sharing", "state"},
    "actions": MODELS | {"asking", "ec2", "auth", "cloud", "flights"},
    "web": {"asking", "ec2", "model", "errors", "interfaces", "observing"},
    "admin": MODELS | {"cloud", "observing", "web"},
    "testing": MODELS,
}
#: The composition roots, which may import everything.
ROOTS = {"composition", "configuration", "daemon", "options", "tap"}


def sources() -> list[Path]:
    """Every file of the package."""
    return sorted((ROOT / PACKAGE).rglob("*.py"))


def room_of(path: Path) -> str:
    """The room that a file is in; its own name if it stands beside the rooms."""
    return path.relative_to(ROOT / PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The modules of ours that a file imports, wherever in it, with the lines."""
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from ((node.lineno, name) for name in names if name.split(".")[0] == PACKAGE)


def offences(path: Path, source: str, below: dict[str, set[str]] = BELOW) -> list[str]:
    """The imports of a file that go upward or sideways."""
    room = room_of(path)
    if room in ROOTS:
        return []
    found = []
    for line, name in imported(ast.parse(source)):
        target = [*name.split("."), ""][1]
        if target != room and target not in below[room] and target != "__version__":
            found.append(f"{path.relative_to(ROOT)}:{line}: {room} imports {name}")
    return found


class LayerTests(SynchronousTestCase):
    def test_downward(self) -> None:
        """Every import goes downward."""
        found = [each for path in sources() if room_of(path) != "__init__" for each in offences(path, path.read_text())]
        self.assertEqual(found, [])

    def test_rooms(self) -> None:
        """Every room has its place, and the places have rooms."""
        rooms = {room_of(path) for path in sources()} - {"__init__"}
        self.assertEqual(rooms, set(BELOW) | ROOTS)

    def test_no_circles(self) -> None:
        """Nothing is above itself."""

        def under(room: str) -> set[str]:
            return set().union(BELOW[room], *(under(each) for each in BELOW[room]))

        for room in BELOW:
            self.assertNotIn(room, under(room))

    def test_caught(self) -> None:
        """Upward imports in each of their spellings are seen."""
        path = ROOT / PACKAGE / "actions" / "x.py"
        for source in (
            "import ec2proxy.web.site",
            "from ec2proxy import drivers",
            "from ec2proxy.drivers.registry import factory_for",
            "def f():\n    from ec2proxy.tap import makeService",
            "if TYPE_CHECKING:\n    from ec2proxy.mockcloud.cloud import MockCloud",
        ):
            self.assertEqual(len(offences(path, source)), 1, source)
        self.assertEqual(offences(path, "from ec2proxy.cloud.cloud import Cloud\nimport twisted.web"), [])


class SizeTests(SynchronousTestCase):
    def test_files(self) -> None:
        """No file has more than 400 lines, a test's neither."""
        files = [*sources(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "twisted").rglob("*.py")]
        lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
        self.assertEqual({path: length for path, length in lengths.items() if length > 400}, {})

    def test_functions(self) -> None:
        """No function of ours has more than 40 lines."""
        found = []
        for path in sources():
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    length = (node.end_lineno or 0) - node.lineno + 1
                    if length > 40:
                        found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has {length} lines")
        self.assertEqual(found, [])
