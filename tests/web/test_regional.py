"""The Deltacloud frontend of several regions."""

from twisted.web.resource import IResource, Resource
from twisted.web.static import Data

from ec2proxy.ec2.errors import EC2Error
from ec2proxy.web.passage import mount_point
from ec2proxy.web.regional import RegionalResource
from ec2proxy.web.tree import root, service_at
from tests.web.wires import Client, LogWatchingTestCase, site_of


def leaf(text: bytes) -> Resource:
    """A resource that answers this."""
    resource = Data(text, "text/plain")
    resource.isLeaf = True
    return resource


class RegionalTests(LogWatchingTestCase):
    """Which frontend answers."""

    def ask(self, path: bytes) -> tuple[int, bytes]:
        """What a GET of a path comes to."""
        self.picked: list[tuple[str, str]] = []

        def pick(host: str, path: str) -> IResource:
            self.picked.append((host, path))
            if "nope" in path:
                raise EC2Error("InvalidParameterValue", "Invalid region provided: nope")
            return leaf(b"api")

        site = site_of(self, Resource())
        site.resource = root(frozenset({"ec2", "deltacloud"}), leaf(b"ec2"), RegionalResource(pick, site.access))
        client = Client(site)
        client.send(b"GET " + path + b" HTTP/1.1\r\nHost: a:1\r\n\r\n")
        response = client.response()
        return response.status, response.body

    def test_paths(self) -> None:
        """The API is below a region's path, and nothing else of the region is."""
        for path in (b"/api", b"/api/realms", b"/regions/x/api", b"/regions/x/api/realms?a=b", b"/%72egions/x/%61pi"):
            self.assertEqual(self.ask(path), (200, b"api"), path)
            self.assertEqual(self.picked, [("a:1", path.partition(b"?")[0].decode())])
        for path in (b"/regions", b"/regions/", b"/regions/x", b"/regions/x/", b"/regions/x/ec2", b"/regions/api/x"):
            self.assertEqual(self.ask(path), (200, b"ec2"), path)

    def test_unknown(self) -> None:
        """A region that is not there is 404."""
        self.assertEqual(self.ask(b"/regions/nope/api"), (404, b"Invalid region provided: nope\n"))

    def test_fast(self) -> None:
        """The wire's short way knows the same: the API is not for it."""
        tree = root(frozenset({"ec2", "deltacloud"}), leaf(b"ec2"), leaf(b"api"))
        self.assertIsNone(service_at(tree, b"/regions/x/api"))

    def test_mount_points(self) -> None:
        """What is below the backend's base is what follows the mount point."""
        for uri, mount in (
            (b"/api/realms?x=/y", b"/api"),
            (b"/api", b"/api"),
            (b"/regions/x/api/realms/eu", b"/regions/x/api"),
            (b"/%72egions/x/api?y", b"/%72egions/x/api"),
            (b"/regions/x/api", b"/regions/x/api"),
        ):
            self.assertEqual(mount_point(uri), mount)
