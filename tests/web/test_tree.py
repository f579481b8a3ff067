"""Which frontend answers which path."""

from twisted.web.resource import IResource, Resource
from twisted.web.static import Data

from ec2proxy.web.tree import root
from tests.web.wires import Client, LogWatchingTestCase, over_twisted, site_of


def leaf(name: bytes) -> Resource:
    resource = Data(name, "text/plain")
    resource.isLeaf = True
    return resource


EC2, API = leaf(b"ec2"), leaf(b"api")
BOTH = frozenset({"ec2", "deltacloud"})


class TreeTests(LogWatchingTestCase):
    def ask(self, tree: IResource, path: bytes) -> tuple[int, bytes]:
        client = Client(site_of(self, tree))
        client.send(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        response = client.response()
        return response.status, response.body

    def test_both(self) -> None:
        """Deltacloud has /api and what is below it; EC2 has the rest."""
        tree = root(BOTH, EC2, API)
        for path in (b"/api", b"/api/", b"/api/realms", b"/%61pi", b"/api?x=y"):
            self.assertEqual(self.ask(tree, path), (200, b"api"), path)
        for path in (b"/", b"/ec2", b"/ec2/", b"/services/compute/", b"/apis", b"//api", b"/API", b"/ec2/api", b"*"):
            self.assertEqual(self.ask(tree, path), (200, b"ec2"), path)

    def test_ec2_alone(self) -> None:
        """Without Deltacloud, /api is a path like any other, also if there would be a frontend."""
        for api in (None, API):
            self.assertEqual(self.ask(root(frozenset({"ec2"}), EC2, api), b"/api/realms"), (200, b"ec2"))

    def test_deltacloud_alone(self) -> None:
        """Without EC2 there is nothing beside /api."""
        tree = root(frozenset({"deltacloud"}), None, API)
        self.assertEqual(self.ask(tree, b"/api/realms"), (200, b"api"))
        for path in (b"/", b"/ec2?Action=A", b"/x/y/z"):
            status, body = self.ask(tree, path)
            self.assertEqual(status, 404)
            self.assertIn(b"/api", body)

    def test_mistakes(self) -> None:
        """A frontend that is unknown or not there cannot be served."""
        for frontends, ec2 in ((frozenset({"ec3"}), EC2), (frozenset({"ec2"}), None)):
            with self.assertRaises(ValueError) as caught:
                root(frontends, ec2, API)
            self.assertEqual(str(caught.exception), f"there is no frontend {min(frontends)}")


globals().update(over_twisted(globals()))
