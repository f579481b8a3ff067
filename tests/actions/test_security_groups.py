"""DescribeSecurityGroups, and the groups that instances are started in."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.actions import groups
from ec2proxy.actions.groups import Groups
from ec2proxy.model import Firewall, Instance
from tests.actions.support import ActionTestCase

ANYBODY = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
EVERYTHING = {"IpProtocol": "-1", "UserIdGroupPairs": [], "PrefixListIds": [], **ANYBODY}


class DescribingTests(ActionTestCase):
    def described(self, **params: Any) -> list[dict[str, Any]]:
        """The groups that are described."""
        found: list[dict[str, Any]] = self.call("DescribeSecurityGroups", **params)["SecurityGroups"]
        return found

    def names(self, **params: Any) -> list[str]:
        """What they are called."""
        return [each["GroupName"] for each in self.described(**params)]

    def web(self, *rules: dict[str, str]) -> None:
        """A cloud that has a firewall with rules, beside its own default one."""
        self.make(features=["firewalls"])
        self.mock.firewalls.create("mockuser", {"name": "web", "description": "of the web"})
        for rule in rules:
            self.mock.firewalls.add_rule("web", {"protocol": "tcp", "port_from": "80", "port_to": "80", **rule})

    def test_made_up(self) -> None:
        """A cloud without firewalls has the group that its instances say they are in; it keeps nobody out."""
        (group,) = self.described()
        self.assertRegex(group.pop("SecurityGroupArn"), r"^arn:aws:ec2:us-east-1:\d{12}:security-group/sg-11111111$")
        self.assertEqual(
            [group],
            [
                {
                    "GroupId": "sg-11111111",
                    "GroupName": "default",
                    "Description": "default VPC security group",
                    "OwnerId": "mockuser",
                    "VpcId": "net1",
                    "IpPermissions": [EVERYTHING],
                    "IpPermissionsEgress": [EVERYTHING],
                    "Tags": [],
                }
            ],
        )
        self.assertNotIn("GET /api/firewalls", self.sent())
        self.assertEqual(self.instances()[0]["SecurityGroups"], [{"GroupId": "sg-11111111", "GroupName": "default"}])

    def test_firewalls(self) -> None:
        """Each firewall is a group; what comes from several places by the same port is one permission."""
        self.web({"ip_address1": "10.0.0.0/8"}, {"ip_address1": "2001:db8::/32"}, {"group1": "default"})
        default, web = self.described()
        self.assertEqual((default["GroupId"], default["IpPermissions"]), ("default", []))
        self.assertEqual(default["IpPermissionsEgress"], [EVERYTHING])
        self.assertEqual((web["GroupId"], web["Description"], web["OwnerId"]), ("web", "of the web", "mockuser"))
        (permission,) = web["IpPermissions"]
        self.assertEqual(
            permission,
            {
                "IpProtocol": "tcp",
                "FromPort": 80,
                "ToPort": 80,
                "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
                "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}],
                "UserIdGroupPairs": [
                    {"GroupId": "default", "GroupName": "default", "UserId": "mockuser", "VpcId": "net1"}
                ],
                "PrefixListIds": [],
            },
        )

    def test_ports(self) -> None:
        """No port is every port, in the words of the protocol."""
        everybody = {"ip_address1": "0.0.0.0/0", "port_from": "", "port_to": ""}
        self.web(*({**everybody, "protocol": name} for name in ("tcp", "udp", "icmp")))
        found = {each["IpProtocol"]: each for each in self.described(GroupIds=["web"])[0]["IpPermissions"]}
        for name, ports in (("tcp", (0, 65535)), ("udp", (0, 65535)), ("icmp", (-1, -1))):
            self.assertEqual((found[name]["FromPort"], found[name]["ToPort"]), ports, name)

    def test_names(self) -> None:
        """By id, by name, by an id for a name; all that are missing are named."""
        self.web()
        self.assertEqual(self.names(GroupNames=["web"]), ["web"])
        self.assertEqual(self.names(GroupIds=["default"], GroupNames=["web"]), ["default", "web"])
        self.make()
        self.assertEqual(self.names(GroupNames=["sg-11111111"]), ["default"])
        for params, missing in (
            ({"GroupIds": ["sg-1", "sg-11111111", "sg-2"]}, "sg-1, sg-2"),
            ({"GroupNames": ["x", "default", "y", "x"]}, "x, y"),
        ):
            message = self.refused("InvalidGroup.NotFound", "DescribeSecurityGroups", **params)
            self.assertEqual(message, f"The security groups '{missing}' do not exist")
        for params in ({"GroupIds": ["sg-11111111"]}, {"GroupNames": ["default"]}):
            self.refused("InvalidParameterCombination", "DescribeSecurityGroups", MaxResults=5, **params)

    def test_filters(self) -> None:
        """Ansible's, Terraform's, and those on rules."""
        self.web({"ip_address1": "10.0.0.0/8"}, {"group1": "default", "group1owner": "me"})
        for name, value, wanted in (
            ("group-name", "web", ["web"]),
            ("group-id", "def*", ["default"]),
            ("vpc-id", "net1", ["default", "web"]),
            ("owner-id", "mockuser", ["default", "web"]),
            ("description", "of the *", ["web"]),
            ("ip-permission.cidr", "10.0.0.0/8", ["web"]),
            ("ip-permission.from-port", "80", ["web"]),
            ("ip-permission.to-port", "81", []),
            ("ip-permission.protocol", "tcp", ["web"]),
            ("ip-permission.group-name", "default", ["web"]),
            ("ip-permission.user-id", "me", ["web"]),
            ("egress.ip-permission.protocol", "-1", ["default", "web"]),
            ("egress.ip-permission.ipv6-cidr", "::/0", ["default", "web"]),
        ):
            self.assertEqual(self.names(Filters=[{"Name": name, "Values": [value]}]), wanted, name)

    def test_pages(self) -> None:
        """By their ids, five at least."""
        self.web()
        for number in range(5):
            self.mock.firewalls.create("mockuser", {"name": f"g{number}", "description": ""})
        first = self.call("DescribeSecurityGroups", MaxResults=5)
        second = self.call("DescribeSecurityGroups", MaxResults=5, NextToken=first["NextToken"])
        found = [each["GroupId"] for answer in (first, second) for each in answer["SecurityGroups"]]
        self.assertEqual(found, ["default", "g0", "g1", "g2", "g3", "g4", "web"])
        self.refused("DryRunOperation", "DescribeSecurityGroups", status=412, DryRun=True)


class DocumentTests(ActionTestCase):
    """Firewalls as other backends tell of them."""

    def permissions(self, rules: str) -> dict[str, list[dict[str, Any]]]:
        """What is told of a firewall without a name that has these rules."""
        self.make(features=["firewalls"])
        body = f"<firewalls><firewall id='f'><rules>{rules}</rules></firewall></firewalls>"
        self.mock.trouble.answer(200, body.encode(), path="/api/firewalls", times=None)
        made_up, mine = self.call("DescribeSecurityGroups")["SecurityGroups"]
        self.assertEqual((made_up["GroupId"], mine["GroupName"], mine["Description"]), ("sg-11111111", "f", "f"))
        return {name: mine[name] for name in ("IpPermissions", "IpPermissionsEgress")}

    def test_deny(self) -> None:
        """fgcp: a rule that forbids is left out, and one that lets out is told as such."""
        found = self.permissions(
            "<rule id='1'><rule_action>deny</rule_action></rule>"
            "<rule id='2'><rule_action>accept</rule_action><direction>egress</direction>"
            "<sources><source type='address' address='0.0.0.0' prefix='0'/></sources></rule>"
        )
        self.assertEqual(found["IpPermissions"], [])
        (outward,) = found["IpPermissionsEgress"]
        self.assertEqual((outward["IpProtocol"], outward["IpRanges"]), ("-1", [{"CidrIp": "0.0.0.0/0"}]))
        self.assertNotIn("FromPort", outward)

    def test_nobody(self) -> None:
        """A rule whose sources cannot be read lets nobody in."""
        found = self.permissions("<rule id='1'><sources><source type='address' address='NET'/></sources></rule>")
        (inward,) = found["IpPermissions"]
        self.assertEqual([inward[name] for name in ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs")], [[], [], []])

    def test_unknown_group(self) -> None:
        """A group that the caller does not see is told of by the word that the rule has."""
        found = self.permissions("<rule id='1'><sources><source type='group' name='g' owner='them'/></sources></rule>")
        (member,) = found["IpPermissions"][0]["UserIdGroupPairs"]
        self.assertEqual(member, {"GroupId": "g", "GroupName": "g", "UserId": "them", "VpcId": "net1"})


class LaunchTests(ActionTestCase):
    """RunInstances in groups."""

    def form(self, **params: Any) -> dict[str, str]:
        """The form of the order that RunInstances with these parameters sent."""
        self.run_one(**params)
        (order,) = [each for each in self.mock.requests if each.method == "POST"][-1:]
        return {name: value for name, value in order.form.items() if name.startswith("firewalls")}

    def test_by_name(self) -> None:
        """A name becomes the id that the backend knows; the made-up default group is none of its own."""
        self.make(features=["firewalls"])
        body = b"<firewalls><firewall id='fw-1'><name>web</name></firewall></firewalls>"
        self.mock.firewalls.create("mockuser", {"name": "fw-1", "description": ""})
        self.mock.trouble.answer(200, body, path="/api/firewalls", times=None)
        self.assertEqual(self.form(SecurityGroups=["web", "default", "fw-1"]), {"firewalls1": "fw-1"})
        self.assertEqual(self.form(SecurityGroups=["default"]), {})
        described = {each["InstanceId"]: each["SecurityGroups"] for each in self.instances()}
        self.assertEqual(described["inst4"], [{"GroupId": "fw-1", "GroupName": "web"}])
        self.assertEqual(described["inst5"], [{"GroupId": "sg-11111111", "GroupName": "default"}])

    def test_no_choice(self) -> None:
        """fgcp has firewalls, and instances cannot be put behind one."""
        self.make()
        entry = self.api(collections={"firewalls"})
        body = b"<firewalls><firewall id='default'/><firewall id='web'/></firewalls>"
        self.mock.trouble.answer(200, entry, path="/api", times=None)
        self.mock.trouble.answer(200, body, path="/api/firewalls", times=None)
        self.assertEqual(self.form(SecurityGroups=["default"]), {})
        one = {"ImageId": "img1", "MinCount": 1, "MaxCount": 1}
        self.refused("UnsupportedOperation", "RunInstances", **one, SecurityGroups=["web"])
        self.refused("InvalidGroup.NotFound", "RunInstances", **one, SecurityGroups=["x"])

    def api(self, collections: set[str]) -> bytes:
        """An entry point that lists these collections, and what every cloud has."""
        every = collections | {"instances", "images", "realms", "hardware_profiles", "keys", "instance_states"}
        links = "".join(f"<link rel='{name}' href='x'/>" for name in sorted(every))
        return f"<api driver='mock'>{links}</api>".encode()


class GroupTests(SynchronousTestCase):
    def test_of(self) -> None:
        """The firewalls of an instance by their names; without any, the cloud's own default group or the made-up."""
        known = Groups({"fw-1": Firewall("fw-1", "web"), "fw-2": Firewall("fw-2", "default"), "fw-3": Firewall("fw-3")})
        behind = Instance("i", "RUNNING", firewall_ids=("fw-1", "fw-3", "gone"))
        found = [(each["groupId"], each["groupName"]) for each in groups.of(behind, known)]
        self.assertEqual(found, [("fw-1", "web"), ("fw-3", "fw-3"), ("gone", "gone")])
        for firewalls, expected in ((known, "fw-2"), (Groups(), "sg-11111111")):
            (group,) = groups.of(Instance("i", "RUNNING"), firewalls)
            self.assertEqual(group, {"groupId": expected, "groupName": "default"})
