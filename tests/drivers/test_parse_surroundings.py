"""Documents about firewalls, networks and volumes: the recordings, and what other backends write."""

from datetime import UTC, datetime

from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.drivers.deltacloud import parse_surroundings as parse
from ec2proxy.errors import BackendError
from ec2proxy.model import (
    Firewall,
    FirewallRule,
    FirewallSource,
    Network,
    NetworkInterface,
    StorageVolume,
    Subnet,
)
from tests.drivers.support import MINE, DriverTestCase, recording


def rules(inside):
    """Read the rules of a firewall that has these."""
    document = f"<firewalls><firewall id='f'><rules>{inside}</rules></firewall></firewalls>"
    (firewall,) = parse.firewalls(document.encode())
    return firewall.rules


def sources(inside):
    """Read the sources of a rule that has these."""
    (rule,) = rules(f"<rule id='r'><sources>{inside}</sources></rule>")
    return rule.sources


class RecordingTests(SynchronousTestCase):
    """Every recording of these collections."""

    def test_networks(self):
        """69: a network, its blocks, its subnets."""
        first, second = parse.networks(recording("69")[1])
        self.assertEqual(first, Network("net1", "network1", "UP", ("192.168.0.0/16",), ("subnet1", "subnet2")))
        self.assertEqual(second.id, "net2")

    def test_subnets(self):
        """70: texts are padded with newlines."""
        found = parse.subnets(recording("70")[1])
        self.assertEqual(found[0], Subnet("subnet1", "subnet1", "UP", "net1", "192.168.1.0/24"))
        self.assertEqual([one.network_id for one in found], ["net1", "net1", "net2", "net2"])

    def test_network_interfaces(self):
        """71: one names its subnet, the other a network, though its href says subnet."""
        first, second = parse.network_interfaces(recording("71")[1])
        self.assertEqual(first, NetworkInterface("nic1", "nic1", "subnet1", "inst1", "192.168.1.2"))
        self.assertEqual((second.network_id, second.instance_id), ("net1", "inst3"))

    def test_storage_volumes(self):
        """59: two that are free, and one that is mounted."""
        free, _, mounted = parse.storage_volumes(recording("59")[1])
        made = datetime(2009, 7, 30, 14, 35, 11, tzinfo=UTC)
        self.assertEqual(free, StorageVolume("vol1", "AVAILABLE", "vol1", 1, made, "us"))
        self.assertEqual(mounted, StorageVolume("vol3", "IN-USE", "vol3", 1, made, "us", "inst1", "/dev/sda1"))

    def test_one_storage_volume(self):
        """60 and 62: without a realm; mounted."""
        for number, mounted in (("60", ("", "")), ("62", ("inst0", "/dev/sdc"))):
            document = recording(number)[1].replace(b"<?xml version='1.0' encoding='utf-8' ?>", b"")
            (volume,) = parse.storage_volumes(b"<storage_volumes>" + document + b"</storage_volumes>")
            self.assertEqual((volume.capacity, volume.realm_id), (10, ""))
            self.assertEqual((volume.instance_id, volume.device), mounted)

    def test_mistaken(self):
        """A list of something else is no list."""
        readers = {"59": parse.storage_volumes, "69": parse.networks, "70": parse.subnets}
        for number, read in readers.items():
            for other in {*readers.values(), parse.firewalls, parse.network_interfaces} - {read}:
                self.assertRaises(BackendError, other, recording(number)[1])


class SparseTests(SynchronousTestCase):
    """What backends leave out."""

    def test_only_an_id(self):
        """An id is enough; without one it is no object."""
        for read, model, name in (
            (parse.networks, Network, "network"),
            (parse.subnets, Subnet, "subnet"),
            (parse.network_interfaces, NetworkInterface, "network_interface"),
            (parse.storage_volumes, StorageVolume, "storage_volume"),
            (parse.firewalls, Firewall, "firewall"),
        ):
            self.assertEqual(read(f"<{name}s><{name} id='x'/></{name}s>".encode()), [model("x")])
            self.assertEqual(read(f"<{name}s/>".encode()), [])
            self.assertRaises(BackendError, read, f"<{name}s><{name}/></{name}s>".encode())

    def test_capacity(self):
        """A capacity is a whole number of GB, or unknown."""
        for text, expected in (("10", 10), ("10.0", 10), ("", None), ("much", None), ("-1", None), ("9" * 12, None)):
            inside = f"<storage_volume id='v'><capacity>{text}</capacity></storage_volume>"
            (volume,) = parse.storage_volumes(f"<storage_volumes>{inside}</storage_volumes>".encode())
            self.assertEqual(volume.capacity, expected, text)

    def test_mount_without_a_device(self):
        """The volume's own device counts where its mount names none."""
        document = (
            b"<storage_volumes><storage_volume id='v'><device>/dev/sdb</device>"
            b"<mount><instance id='i'/><device/></mount></storage_volume></storage_volumes>"
        )
        self.assertEqual(parse.storage_volumes(document), [StorageVolume("v", instance_id="i", device="/dev/sdb")])


class FirewallTests(SynchronousTestCase):
    """Rules, as the drivers ec2, fgcp and profitbricks write them."""

    def test_addresses_and_groups(self):
        """ec2: an address with its prefix, a group with its owner."""
        found = rules(
            "<rule id='r'><allow_protocol>tcp</allow_protocol><port_from>22</port_from><port_to>23</port_to>"
            "<direction>ingress</direction><sources>"
            "<source prefix='8' address='10.0.0.0' family='ipv4' type='address'/>"
            "<source name='web' type='group' owner='me'/></sources></rule>"
        )
        expected = FirewallRule(
            "r", "tcp", 22, 23, sources=(FirewallSource("10.0.0.0/8"), FirewallSource(firewall="web", owner_id="me"))
        )
        self.assertEqual(found, (expected,))

    def test_sources(self):
        """An address without a prefix is one host; what is no address is left out (fgcp names networks)."""
        for attributes, expected in (
            ("prefix='' address='10.0.0.1'", ["10.0.0.1/32"]),
            ("prefix='8' address='10.1.2.3'", ["10.0.0.0/8"]),
            ("prefix='64' address='2001:db8::'", ["2001:db8::/64"]),
            ("address='INTERNET'", []),
            ("", []),
        ):
            self.assertEqual([one.cidr for one in sources(f"<source type='address' {attributes}/>")], expected)

    def test_deny_and_egress(self):
        """fgcp has rules that forbid, and rules about what goes out."""
        deny, out = rules(
            "<rule id='50000'><rule_action>deny</rule_action></rule>"
            "<rule id='2'><rule_action>Accept</rule_action><direction>egress</direction></rule>"
        )
        self.assertEqual((deny.allows, deny.egress, deny.protocol), (False, False, ""))
        self.assertEqual((out.allows, out.egress), (True, True))

    def test_ports(self):
        """All ports, where a port is none."""
        for text, expected in (("0", 0), ("65535", 65535), ("65536", None), ("-1", None), ("", None)):
            (rule,) = rules(f"<rule id='r'><port_from>{text}</port_from></rule>")
            self.assertEqual(rule.port_from, expected)


class ServedTests(DriverTestCase):
    def test_firewalls(self):
        """Firewalls over the wire, in the form of Deltacloud's view."""
        self.make(features=["firewalls"])
        self.cloud.firewalls.create("mockuser", {"name": "web", "description": "<of> the & web"})
        form = {"protocol": "tcp", "port_from": "80", "port_to": "80", "ip_address1": "0.0.0.0/0"}
        self.cloud.firewalls.add_rule("web", form)
        default, web = self.done(self.driver.firewalls.list(MINE))
        self.assertEqual(default, Firewall("default", "default", "default group", "mockuser"))
        self.assertEqual((web.name, web.description, web.owner_id), ("web", "<of> the & web", "mockuser"))
        (rule,) = web.rules
        self.assertEqual((rule.protocol, rule.port_from, rule.port_to), ("tcp", 80, 80))
        self.assertEqual(rule.sources, (FirewallSource("0.0.0.0/0"),))
