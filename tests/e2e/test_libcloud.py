"""apache-libcloud against the daemon, signing as it does by itself: version 2, over GET."""

from libcloud.common.aws import AWSRequestSignerAlgorithmV2
from libcloud.compute.base import Node, NodeSize
from libcloud.compute.providers import get_driver
from libcloud.compute.types import InvalidCredsError, KeyPairDoesNotExistError, NodeState, Provider

from tests.e2e.cases import PASSWORD, USER, DaemonTestCase, name_of
from tests.e2e.daemons import until


class LibcloudTests(DaemonTestCase):
    """Libcloud's EC2 driver."""

    def setUp(self) -> None:
        super().setUp()
        self.driver = self.driver_for(PASSWORD)

    def driver_for(self, password: str) -> object:
        """A driver as docs/clients.rst makes it."""
        kind = get_driver(Provider.EC2)
        return kind(USER, password, secure=False, host="127.0.0.1", port=self.daemon.port, region="us-east-1")

    def create(self, name: str) -> Node:
        """Create a node, which is destroyed when the test is over."""
        size = NodeSize("m1-small", "small", 1740, 160, 0, 0, self.driver)
        (image,) = self.driver.list_images(ex_image_ids=["img1"])
        node = self.driver.create_node(name=name, image=image, size=size)
        self.addCleanup(self.driver.destroy_node, node)
        return node

    def wait_for(self, node: Node, state: str) -> None:
        """Wait until the node is in that state, as EC2 calls it."""

        def reached() -> bool:
            request = {"Action": "DescribeInstances", "InstanceId.1": node.id}
            tree = self.driver.connection.request(self.driver.path, params=request).object
            return any(element.text == state for element in tree.iter() if element.tag.endswith("}name"))

        until(reached, f"{node.id} {state}")

    def test_signature(self) -> None:
        """The premise of these tests: what libcloud does by itself is GET and version 2."""
        self.assertIsInstance(self.driver.connection.signer, AWSRequestSignerAlgorithmV2)
        self.driver.list_images()
        self.assertEqual(self.driver.connection.method, "GET")

    def test_images(self) -> None:
        """list_images."""
        self.assertTrue({"img1", "img2", "img3"} <= {image.id for image in self.driver.list_images()})

    def test_life(self) -> None:
        """create_node, stop_node, start_node, reboot_node and destroy_node."""
        node = self.create(name_of("libcloud"))
        self.wait_for(node, "running")
        self.assertTrue(self.driver.stop_node(node))
        self.wait_for(node, "stopped")
        self.assertTrue(self.driver.start_node(node))
        self.wait_for(node, "running")
        self.assertTrue(self.driver.reboot_node(node))
        self.assertTrue(self.driver.destroy_node(node))
        self.wait_for(node, "terminated")

    def test_nodes(self) -> None:
        """list_nodes finds what was created and what was there."""
        name = name_of("libcloud")
        node = self.create(name)
        nodes = {found.id: found for found in self.driver.list_nodes()}
        self.assertIn("inst0", nodes)
        self.assertIn(nodes[node.id].state, (NodeState.PENDING, NodeState.RUNNING))

    def test_locations(self) -> None:
        """list_locations, which asks for the zones of the region that libcloud was given."""
        self.assertEqual([location.name for location in self.driver.list_locations()], ["us", "eu"])

    def test_eucalyptus(self) -> None:
        """Eucalyptus's driver finds its sizes in the form that only Eucalyptus had."""
        kind = get_driver(Provider.EUCALYPTUS)
        sizes = kind(USER, PASSWORD, secure=False, host="127.0.0.1", port=self.daemon.port).list_sizes()
        self.assertEqual((sizes[0].id, sizes[0].ram, sizes[0].disk), ("m1-small", 1740, 160))
        self.assertEqual(sizes[0].extra, {"cpu": 1})

    def test_key_pairs(self) -> None:
        """Key pairs are created, listed, found by name and deleted."""
        name = name_of("libcloud")
        made = self.driver.create_key_pair(name)
        self.assertIn("PRIVATE KEY", made.private_key)
        self.assertIn(name, [pair.name for pair in self.driver.list_key_pairs()])
        self.assertEqual(self.driver.get_key_pair(name).fingerprint, made.fingerprint)
        self.assertTrue(self.driver.delete_key_pair(made))
        self.assertRaises(KeyPairDoesNotExistError, self.driver.get_key_pair, name)

    def test_wrong_secret(self) -> None:
        """A wrong secret is refused, with EC2's code where libcloud reads it."""
        error = self.assertRaises(InvalidCredsError, self.driver_for("other").list_images)
        self.assertIn("SignatureDoesNotMatch", str(error))
