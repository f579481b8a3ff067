"""Every filter that EC2 documents, for every action that has filters: by botocore's text about it."""

from typing import Any

from attrs import evolve
from lxml import html
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.actions.unshown import unshown
from ec2proxy.mockcloud.things import Address
from tests.actions import strict
from tests.actions.filter_values import KNOWN
from tests.actions.support import ACTIONS, ActionTestCase

#: Of these there is never an item.
EMPTY = {"DescribeInstanceCreditSpecifications": {"instance-id"}}

#: Filters that the item of :data:`KNOWN` has no value for, and :class:`OtherTests` another one.
OTHERS = {
    "DescribeInstances": {"state-reason-code", "state-reason-message"},
    "DescribeNetworkInterfaces": {"ipv6-addresses.ipv6-address"},
    "DescribeSecurityGroups": {
        f"egress.ip-permission.{name}" for name in ("from-port", "group-id", "group-name", "to-port", "user-id")
    },
}
WITH_TAGS = {
    "DescribeAddresses",
    "DescribeImages",
    "DescribeInstances",
    "DescribeKeyPairs",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeSubnets",
    "DescribeVolumes",
    "DescribeVpcs",
}


def documented(action: str) -> set[str]:
    """The filters of an action, as its documentation lists them; those on tags are ``tag:KEY`` and ``tag-key``.

    Some lists have the values of a filter below it, and some write ``<code>tag</code>:&lt;key&gt;``.
    """
    shape = strict.operation(action).input_shape
    member = shape.members.get("Filters", shape.members.get("Filter")) if shape else None
    if member is None:
        return set()
    page: Any = html.fromstring(member.documentation)
    names = [item.text_content() for item in page.xpath("(//ul)[1]/li/p[1]/code[1]")]
    return {"tag:KEY" if name.partition(":")[0] == "tag" else name for name in names}


KNOWN_TO_EC2 = strict.operation("RunInstances").service_model.operation_names
DOCUMENTED = {name: documented(name) for name in ACTIONS if name in KNOWN_TO_EC2 and documented(name)}


def answered(action: str) -> set[str]:
    """The filters of an action that these tests find something by, or nothing since there is nothing."""
    known = KNOWN[action].values if action in KNOWN else ()
    return {*known, *OTHERS.get(action, ()), *EMPTY.get(action, ())}


class DocumentedTests(SynchronousTestCase):
    """That nothing is left out."""

    def test_read(self) -> None:
        """The documentation is read as it is meant."""
        self.assertEqual(DOCUMENTED["DescribeTags"], {"key", "resource-id", "resource-type", "tag:KEY", "value"})
        self.assertEqual(len(DOCUMENTED["DescribeInstances"]), 136)
        self.assertNotIn("critical", DOCUMENTED["DescribeImages"])

    def test_actions(self) -> None:
        """Each action with filters is tried."""
        self.assertEqual(set(DOCUMENTED), {*KNOWN, *EMPTY})

    def test_names(self) -> None:
        """Each filter that is documented is answered or stands among those without values, never both."""
        for action, names in DOCUMENTED.items():
            nothing = set(unshown(action))
            self.assertEqual(answered(action) | nothing, names - {"tag:KEY", "tag-key"}, action)
            self.assertEqual(answered(action) & nothing, set(), action)

    def test_tags(self) -> None:
        """What has tags is found by them; DescribeTags has tags of its own kind."""
        self.assertEqual({name for name in DOCUMENTED if "tag-key" in DOCUMENTED[name]}, WITH_TAGS)


class FilterCase(ActionTestCase):
    """A cloud with something of everything, and how much of it some filters find."""

    def setUp(self) -> None:
        self.make(machine="ec2", features=["firewalls"])
        self.mock.firewalls.create("mockuser", {"name": "web", "description": "of the web"})
        who = {"ip_address1": "10.0.0.0/8", "ip_address2": "2001:db8::/32", "group1": "default"}
        self.mock.firewalls.add_rule("web", {"protocol": "tcp", "port_from": "80", "port_to": "81", **who})
        self.mock.network.associate("mockuser", "192.168.0.1", "inst0")
        self.call("CreateKeyPair", KeyName="k")
        self.run_one(ClientToken="once", KeyName="k", SecurityGroupIds=["web"])
        for name in ("nic4", "nic6"):
            form = {"instance": "inst4", "network": "subnet1", "name": name}
            self.mock.network.create_interface("mockuser", form)
        interfaces = self.mock.network.interfaces
        interfaces["nic6"] = evolve(interfaces["nic6"], ip_address="2001:db8::6")
        self.mock.instances.change(
            "inst4",
            public_addresses=(
                Address("out.example.com"),
                Address("203.0.113.4", "ipv4"),
                Address("2001:db8::4", "ipv6"),
            ),
            private_addresses=(Address("in.example.com"), Address("10.0.0.4", "ipv4")),
            volumes=(("vol9", "/dev/sdx"),),
        )
        # What is around instances may be a minute old.
        self.later(61, step=61)
        self.call("CreateTags", Resources=["nic6"], Tags=[{"Key": "Role", "Value": "door"}])
        self.call("CreateTags", Resources=["net1"], Tags=[{"Key": "Name", "Value": "a*b"}])

    def count(self, action: str, *filters: tuple[str, str]) -> int:
        """How many items pass all of some filters."""
        wanted = [{"Name": name, "Values": ["neither", value]} for name, value in filters]
        answer = self.call(action, Filters=wanted)
        (items,) = [each for each in answer.values() if isinstance(each, list)]
        return len(items)


class KnownTests(FilterCase):
    def test_values(self) -> None:
        """Something is found by each of its values, and not by others."""
        for action, known in KNOWN.items():
            for name, value in known.values.items():
                itself = (known.by, known.found)
                self.assertEqual(self.count(action, itself, (name, value)), 1, f"{action} {name}")
                self.assertEqual(self.count(action, itself, (name, "no-such-value")), 0, f"{action} {name}")

    def test_unshown(self) -> None:
        """By what nothing has nothing is found, and it is no error."""
        for action in DOCUMENTED:
            for name in unshown(action):
                self.assertEqual(self.count(action, (name, "*")), 0, f"{action} {name}")
        for name in EMPTY["DescribeInstanceCreditSpecifications"]:
            self.assertEqual(self.count("DescribeInstanceCreditSpecifications", (name, "*")), 0)

    def test_left_out(self) -> None:
        """What an instance does not tell is not found by ``*``."""
        for name in ("client-token", "key-name", "ip-address", "network-interface.network-interface-id"):
            self.assertEqual(self.count("DescribeInstances", ("instance-id", "inst2"), (name, "*")), 0, name)

    def test_undocumented(self) -> None:
        """A filter that there is not is an error, for every action."""
        for action in DOCUMENTED:
            filters = [{"Name": "no-such-filter", "Values": ["*"]}]
            self.refused("InvalidParameterValue", action, Filters=filters)

    def test_tags(self) -> None:
        """What has a tag is found by the tag, by its key, and not by another value or key; wildcards count."""
        for action in WITH_TAGS - {"DescribeAddresses"}:
            known = KNOWN[action]
            tagged = known.values["key-pair-id"] if action == "DescribeKeyPairs" else known.found
            self.call("CreateTags", Resources=[tagged], Tags=[{"Key": "Team", "Value": "a*b"}])
            for name, value, count in (
                ("tag:Team", "a*b", 1),
                ("tag:Team", "?\\*b", 1),
                ("tag:Team", "a\\?b", 0),
                ("tag:team", "a*b", 0),
                ("tag-key", "T??m", 1),
                ("tag-key", "team", 0),
            ):
                self.assertEqual(self.count(action, (name, value)), count, f"{action} {name} {value}")

    def test_tags_of_addresses(self) -> None:
        """An address outside a VPC has no id to put tags on; to look for one by them is no error."""
        self.assertEqual(self.count("DescribeAddresses", ("tag:Team", "*")), 0)
        self.assertEqual(self.count("DescribeAddresses", ("tag-key", "*")), 0)

    def test_tag_of_tags(self) -> None:
        """DescribeTags by ``tag:KEY``."""
        self.assertEqual(self.count("DescribeTags", ("resource-type", "vpc"), ("tag:Name", "a\\*b")), 1)
        self.assertEqual(self.count("DescribeTags", ("resource-type", "vpc"), ("tag:Name", "a\\?b")), 0)


class OtherTests(FilterCase):
    def found(self, action: str, values: dict[str, Any]) -> None:
        """Each of :data:`OTHERS` finds one item by its value."""
        self.assertEqual(set(values), OTHERS[action])
        self.later(2)
        for name, value in values.items():
            self.assertEqual(self.count(action, (name, value)), 1, name)
            self.assertEqual(self.count(action, (name, "no-such-value")), 0, name)

    def test_state_reason(self) -> None:
        """An instance that the cloud reports an error of."""
        self.mock.instances.change("inst0", state="ERROR")
        reason = {"state-reason-code": "Server.InternalError", "state-reason-message": "The cloud reports*"}
        self.found("DescribeInstances", reason)

    def test_interface(self) -> None:
        """A network interface with an address of IPv6."""
        self.found("DescribeNetworkInterfaces", {"ipv6-addresses.ipv6-address": "2001:db8::6"})

    def test_outward(self) -> None:
        """A firewall that lets out to members of a group only, by some ports."""
        rule = (
            "<rule id='1'><allow_protocol>tcp</allow_protocol><port_from>22</port_from><port_to>23</port_to>"
            "<direction>egress</direction><sources><source type='group' name='g' owner='them'/></sources></rule>"
        )
        body = f"<firewalls><firewall id='f'><rules>{rule}</rules></firewall></firewalls>"
        self.mock.trouble.answer(200, body.encode(), path="/api/firewalls", times=None)
        values = {"from-port": "22", "to-port": "23", "group-id": "g", "group-name": "g", "user-id": "them"}
        self.found("DescribeSecurityGroups", {f"egress.ip-permission.{name}": value for name, value in values.items()})
