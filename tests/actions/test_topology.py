"""Where instances are: which VPC is the default one, and in which zone a subnet is."""

from ipaddress import ip_network
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.actions.default_vpc import DEFAULT_VPC_ID
from ec2proxy.actions.topology import Location, Topology, laid_out
from ec2proxy.model import Instance, Network, NetworkInterface, Realm, Subnet
from tests.ec2.properties import unhurried

US, EU = Realm("us", "United States", "AVAILABLE"), Realm("eu", "Europe", "AVAILABLE")
NET1, NET2 = Network("net1", "one", "UP", ("192.168.0.0/16",)), Network("net2", "two", "UP", ("10.0.0.0/8",))


def subnets(network: str, *names: str) -> list[Subnet]:
    """Subnets of a network, each with a block of its own."""
    return [Subnet(name, name, "UP", network, f"192.168.{number}.0/24") for number, name in enumerate(names)]


def zones(topology: Topology) -> dict[str, tuple[str, bool]]:
    """The zone of each subnet, and whether it is the zone's default."""
    return {each.id: (each.zone, each.default_for_zone) for each in topology.subnets.values()}


class DefaultTests(SynchronousTestCase):
    def test_first_with_subnets(self) -> None:
        """The first network that has subnets is the default VPC, and the only one."""
        topology = laid_out([NET1, NET2], subnets("net2", "a"), [US])
        self.assertEqual(topology.default.id, "net2")
        self.assertEqual([vpc.is_default for vpc in topology.vpcs.values()], [False, True])

    def test_called_default(self) -> None:
        """The network called default is, wherever it stands; not if it has no subnet."""
        named = Network("n", "Default")
        own = [*subnets("net1", "a"), *subnets("n", "b")]
        self.assertEqual(laid_out([NET1, named], own, [US]).default.id, "n")
        self.assertEqual(laid_out([NET1, named], own[:1], [US]).default.id, "net1")

    def test_made_up(self) -> None:
        """Without subnets a VPC is made up, like EC2's own; the networks stay."""
        for networks in ([], [NET1]):
            topology = laid_out(networks, [], [US, EU])
            self.assertEqual(topology.default.id, DEFAULT_VPC_ID)
            self.assertEqual(topology.default.blocks, ("172.31.0.0/16",))
            self.assertEqual(list(topology.vpcs), [*(each.id for each in networks), DEFAULT_VPC_ID])
            self.assertEqual(set(zones(topology).values()), {("us", True), ("eu", True)})
            self.assertEqual([each.block for each in topology.subnets.values()], ["172.31.0.0/20", "172.31.16.0/20"])

    def test_stable(self) -> None:
        """A zone's made-up subnet has the same id whatever other zones there are."""
        both, one = laid_out([], [], [US, EU]), laid_out([], [], [EU])
        self.assertEqual(both.of_zone("eu").subnet_id, one.of_zone("eu").subnet_id)

    @given(count=st.integers(0, 300))
    @unhurried
    def test_many_zones(self, count: int) -> None:
        """However many zones there are, each has a subnet of its own, and none overlaps another."""
        topology = laid_out([], [], [Realm(str(number), "", "") for number in range(count)])
        self.assertEqual(len(topology.subnets), max(1, count))
        blocks = sorted(ip_network(each.block) for each in topology.subnets.values())
        self.assertFalse(any(one.overlaps(other) for one, other in pairwise(blocks)))
        self.assertTrue(all(block.subnet_of(ip_network("172.31.0.0/16")) for block in blocks))

    def test_more_zones_than_room(self) -> None:
        """With more zones than blocks that EC2 would give, the last have none."""
        topology = laid_out([], [], [Realm(str(number), "", "") for number in range(5000)])
        self.assertEqual(len(topology.subnets), 4096)
        self.assertEqual(topology.of_zone("4999"), Location(DEFAULT_VPC_ID, ""))


class ZoneTests(SynchronousTestCase):
    def test_in_turn(self) -> None:
        """The subnets of each network take the realms in turn; the first of each in the default VPC is its default."""
        own = [*subnets("net1", "a", "b", "c"), *subnets("net2", "d", "e")]
        found = zones(laid_out([NET1, NET2], own, [US, EU]))
        self.assertEqual(
            found,
            {
                "a": ("us", True),
                "b": ("eu", True),
                "c": ("us", False),
                "d": ("us", False),
                "e": ("eu", False),
            },
        )

    def test_fewer_subnets(self) -> None:
        """A zone without a subnet has only the VPC."""
        topology = laid_out([NET1], subnets("net1", "a"), [US, EU])
        self.assertEqual(topology.of_zone("us"), Location("net1", "a"))
        self.assertEqual(topology.of_zone("eu"), Location("net1", ""))

    def test_without_realms(self) -> None:
        """A cloud that names no realms has one zone without a name, as its instances have."""
        self.assertEqual(laid_out([NET1], subnets("net1", "a"), []).of_zone(""), Location("net1", "a"))

    def test_strays(self) -> None:
        """A subnet that names no network may be named by one; else it is in none, and is not told of."""
        named = Network("net1", subnet_ids=("b",))
        own = [*subnets("", "b", "c"), *subnets("gone", "d")]
        self.assertEqual(list(laid_out([named], own, [US]).subnets), ["b"])

    def test_down(self) -> None:
        """What is down is there, and not up."""
        topology = laid_out([Network("n", state="DOWN")], [Subnet("s", state="DOWN", network_id="n")], [US])
        self.assertFalse(topology.vpcs["n"].up or topology.subnets["s"].up)


class PlaceTests(SynchronousTestCase):
    def setUp(self) -> None:
        own = [*subnets("net1", "a", "b"), Subnet("c", network_id="net2", address_block="10.1.0.0/16")]
        self.topology = laid_out([NET1, NET2], own, [US, EU])

    def located(self, network_id: str, ip_address: str) -> Location:
        """Where an interface is that says this."""
        return self.topology.of_interface(NetworkInterface("nic", "", network_id, "i", ip_address))

    def test_interfaces(self) -> None:
        """In the subnet it names; else in the one that has its address; else nowhere, or only in a VPC."""
        for network_id, ip_address, expected in (
            ("c", "192.168.1.7", Location("net2", "c")),
            ("net1", "192.168.1.7", Location("net1", "b")),
            ("net1", "10.1.0.1", Location("net1", "")),
            ("net1", "", Location("net1", "")),
            ("", "10.1.0.1", Location("net2", "c")),
            ("", "172.16.0.1", Location()),
            ("gone", "10.1.0.1", Location()),
        ):
            self.assertEqual(self.located(network_id, ip_address), expected, (network_id, ip_address))

    def test_two_blocks(self) -> None:
        """An address that two subnets have tells nothing."""
        same = [Subnet(name, network_id=name[:4], address_block="10.0.0.0/8") for name in ("net1a", "net2a")]
        topology = laid_out([NET1, NET2], same, [US])
        self.assertEqual(topology.of_interface(NetworkInterface("n", ip_address="10.0.0.1")), Location())

    def test_instances(self) -> None:
        """Where the first interface is that is known; else in the zone's default subnet."""
        interfaces = {
            "lost": NetworkInterface("lost"),
            "nic": NetworkInterface("nic", network_id="c"),
        }
        for ids, expected in (
            ((), Location("net1", "b")),
            (("unknown", "lost"), Location("net1", "b")),
            (("unknown", "lost", "nic"), Location("net2", "c")),
        ):
            instance = Instance("i", "RUNNING", realm_id="eu", network_interface_ids=ids)
            self.assertEqual(self.topology.of_instance(instance, interfaces), expected)
