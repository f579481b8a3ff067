"""apache-libcloud's drivers for EC2, Eucalyptus and Nimbus, in front of the service without a network.

How libcloud signs and connects is tried in tests/e2e/test_libcloud.py; here is what its drivers ask and make of it.
"""

from types import SimpleNamespace
from typing import Any

from libcloud.compute.base import NodeImage, NodeSize
from libcloud.compute.drivers.ec2 import API_VERSION, EC2Response
from libcloud.compute.providers import get_driver
from libcloud.compute.types import KeyPairDoesNotExistError, NodeState, Provider
from lxml import etree

from tests.replays.support import ReplayTestCase


class Door:
    """What stands for the connection of a driver."""

    def __init__(self, test: ReplayTestCase, driver: Any) -> None:
        self._test = test
        self.driver = driver
        self.paths: set[str] = set()

    def request(self, path: str, params: dict[str, str], **_: Any) -> SimpleNamespace:
        """Ask with GET, as libcloud does; failures are those that libcloud makes of them."""
        self.paths.add(path)
        pairs = [*((name, str(value)) for name, value in params.items()), ("Version", API_VERSION)]
        heard = self._test.successResultOf(self._test.perform(self._test.signed(pairs, path=path)))
        if heard.status != 200:
            failed = SimpleNamespace(status=heard.status, body=heard.body, connection=self)
            raise RuntimeError(EC2Response.parse_error(failed))
        return SimpleNamespace(object=etree.fromstring(heard.body), status=heard.status)


class LibcloudTestCase(ReplayTestCase):
    method = "GET"

    def driver_of(self, provider: str, **more: Any) -> Any:
        """A driver whose connection is a :class:`Door`."""
        driver = get_driver(provider)("mockuser", "mockpassword", secure=False, host="localhost", port=3001, **more)
        driver.connection = Door(self, driver)
        return driver

    def setUp(self) -> None:
        super().setUp()
        self.make(machine="ec2", pending=25, stopping=20, features=["user_data"])

    def life(self, driver: Any) -> None:
        """Create a node, see it run, and do with it all that the driver can."""
        size = NodeSize("m1-small", "m1-small", 1740, 160, None, None, driver)
        node = driver.create_node(
            name="node", size=size, image=NodeImage("img1", "img1", driver), ex_keyname="test-key"
        )
        self.assertEqual(node.state, NodeState.PENDING)
        self.later(30)
        states = {found.id: found.state for found in driver.list_nodes()}
        self.assertEqual(states[node.id], NodeState.RUNNING)
        self.assertLessEqual({"inst0", "inst1", "inst2", "inst3"}, set(states))
        self.assertTrue(driver.reboot_node(node))
        self.assertTrue(driver.stop_node(node))
        self.later(30)
        self.assertTrue(driver.start_node(node))
        self.later(30)
        self.assertTrue(driver.destroy_node(node))
        self.later(60)
        states = {found.id: found.state for found in driver.list_nodes()}
        self.assertEqual(states[node.id], NodeState.TERMINATED)


class EC2Tests(LibcloudTestCase):
    def test_life(self) -> None:
        """Nodes."""
        driver = self.driver_of(Provider.EC2, region="us-east-1")
        self.life(driver)
        self.assertEqual(driver.connection.paths, {"/"})

    def test_lists(self) -> None:
        """Images, locations, and what is around nodes."""
        driver = self.driver_of(Provider.EC2, region="us-east-1")
        self.assertEqual([image.id for image in driver.list_images()], ["img1", "img2", "img3"])
        self.assertEqual([place.name for place in driver.list_locations()], ["us", "eu"])
        self.assertIn("default", driver.ex_list_security_groups())
        self.assertTrue(driver.ex_list_networks())
        self.assertTrue(driver.ex_list_subnets())
        self.assertEqual([volume.id for volume in driver.list_volumes()], ["vol1", "vol2", "vol3"])

    def test_tags(self) -> None:
        """ex_create_tags, ex_describe_tags and ex_delete_tags."""
        driver = self.driver_of(Provider.EC2, region="us-east-1")
        (node,) = driver.list_nodes(ex_node_ids=["inst1"])
        self.assertTrue(driver.ex_create_tags(node, {"a": "1", "b": ""}))
        self.assertEqual(driver.ex_describe_tags(node)["a"], "1")
        self.assertTrue(driver.ex_delete_tags(node, {"a": "1"}))
        self.assertNotIn("a", driver.ex_describe_tags(node))

    def test_keys(self) -> None:
        """A key that is not there is told as such, with its name."""
        driver = self.driver_of(Provider.EC2, region="us-east-1")
        error = self.assertRaises(KeyPairDoesNotExistError, driver.get_key_pair, "nobody")
        self.assertEqual(error.name, "nobody")
        self.assertEqual(driver.get_key_pair("test-key").name, "test-key")


class EucalyptusTests(LibcloudTestCase):
    def test_life(self) -> None:
        """Nodes, by the path that Eucalyptus had."""
        driver = self.driver_of(Provider.EUCALYPTUS)
        self.life(driver)
        self.assertEqual(driver.connection.paths, {"/services/Eucalyptus"})

    def test_sizes(self) -> None:
        """Sizes in Eucalyptus's own form."""
        driver = self.driver_of(Provider.EUCALYPTUS)
        sizes = {size.id: (size.ram, size.disk, size.extra["cpu"]) for size in driver.list_sizes()}
        self.assertEqual(sizes["m1-small"], (1740, 160, 1))
        self.assertEqual(sizes["opaque"], (0, 0, 0))


class NimbusTests(LibcloudTestCase):
    def test_life(self) -> None:
        """Nodes; it asks for no addresses and sets no tags."""
        driver = self.driver_of(Provider.NIMBUS)
        self.life(driver)
        self.assertEqual(driver.connection.paths, {"/"})
