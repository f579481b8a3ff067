"""Security groups, which are Deltacloud's firewalls; where there is no group ``default``, it is made up."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from ec2proxy.actions.action import Call
from ec2proxy.actions.groups import DEFAULT_ID, DEFAULT_NAME, Groups, without_default
from ec2proxy.actions.identity import account_of
from ec2proxy.actions.listing import Item, PagedListing, at, tagged
from ec2proxy.actions.surroundings import MAX_AGE, read_groups, read_topology
from ec2proxy.ec2.errors import EC2Error
from ec2proxy.ec2.params import texts
from ec2proxy.ec2.xml import Payload
from ec2proxy.errors import NotFound, Unsupported
from ec2proxy.model import Firewall, FirewallRule, FirewallSource

_ALL = "-1"
_ANYBODY = (FirewallSource(cidr="0.0.0.0/0"), FirewallSource(cidr="::/0"))
_EVERYTHING = FirewallRule("everything", sources=_ANYBODY)


@frozen
class DescribeSecurityGroups(PagedListing):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html"""

    group_ids: tuple[str, ...] = texts("GroupId")
    group_names: tuple[str, ...] = texts("GroupName")

    async def perform(self, call: Call) -> Payload:
        """The groups asked for, in the backend's order unless they are paged."""
        passes = self.passing(_FILTERS)
        groups = await read_groups(call)
        vpc_id = (await read_topology(call, MAX_AGE)).default.id
        firewalls = [*groups.firewalls.values()]
        if groups.default is None:
            firewalls.insert(0, _made_up())
        me = call.principal.credentials.user
        arns = f"arn:aws:ec2:{call.region}:{account_of(call)}:security-group"
        items = await tagged(call, (_item(each, groups, vpc_id, me, arns) for each in firewalls), "groupId")
        found = [item for item in self._asked_for(items) if passes(item)]
        shown, token = self.paged(call, found, "groupId")
        return {"securityGroupInfo": shown, "nextToken": token}

    def _asked_for(self, items: Sequence[Item]) -> Sequence[Item]:
        by_id = self.named(items, "groupId", self.group_ids, "firewalls")
        if not self.group_names:
            return by_id
        if self.max_results is not None:
            raise EC2Error("InvalidParameterCombination", "MaxResults may not be specified together with names.")
        # EC2 takes an id for a name.
        there = {item[element] for item in items for element in ("groupName", "groupId")}
        if missing := [name for name in dict.fromkeys(self.group_names) if name not in there]:
            raise NotFound("firewalls", missing)
        named = [item for item in items if {item["groupName"], item["groupId"]} & {*self.group_names}]
        # Who names both gets both, as in EC2.
        return [item for item in items if item in named or (self.group_ids and item in by_id)]


async def firewalls_for(call: Call, wanted: Iterable[str]) -> tuple[str, ...]:
    """The ids of the firewalls that a new instance has to be started with, to be in certain groups.

    :param wanted: ids or names of groups. The made-up ``default`` is no firewall: to be in it takes none.
    :raises NotFound: some are not there; it names them all.
    :raises Unsupported: they are, and the cloud starts no instance in a group of the caller's choice.
    """
    names = tuple(dict.fromkeys(wanted))
    known = await read_groups(call)
    found = {name: known.find(name) for name in names}
    if missing := without_default(name for name, firewall in found.items() if firewall is None):
        raise NotFound("firewalls", missing)
    ids = dict.fromkeys(firewall.id for firewall in found.values() if firewall is not None)
    capabilities = await call.cloud.driver.capabilities(call.principal.credentials)
    if capabilities.has_feature("instances", "firewalls"):
        return tuple(ids)
    own = known.default
    if any(own is None or each != own.id for each in ids):
        raise Unsupported("This cloud does not let the security groups of an instance be chosen.")
    return ()


def _made_up() -> Firewall:
    """The group ``default`` of a cloud that filters nothing that we know of: it lets everything in."""
    return Firewall(DEFAULT_ID, DEFAULT_NAME, "default VPC security group", rules=(_EVERYTHING,))


def _item(firewall: Firewall, groups: Groups, vpc_id: str, me: str, arns: str) -> dict[str, Any]:
    inward = [rule for rule in firewall.rules if rule.allows and not rule.egress]
    outward = [rule for rule in firewall.rules if rule.allows and rule.egress]
    if not any(rule.egress for rule in firewall.rules):
        # A firewall that says nothing of what goes out lets it out: so does Amazon's where none has said otherwise.
        outward = [_EVERYTHING]
    return {
        "groupId": firewall.id,
        "securityGroupArn": f"{arns}/{firewall.id}",
        "ipPermissionsEgress": _permissions(outward, groups, vpc_id, me),
        "vpcId": vpc_id,
        "ownerId": firewall.owner_id or me,
        "groupName": firewall.name or firewall.id,
        "groupDescription": firewall.description or firewall.name or firewall.id,
        "ipPermissions": _permissions(inward, groups, vpc_id, me),
    }


def _permissions(rules: Iterable[FirewallRule], groups: Groups, vpc_id: str, me: str) -> Sequence[Payload]:
    """Rules as EC2 tells them: those of the same protocol and ports are one permission."""
    merged: dict[tuple[str, int | None, int | None], list[FirewallSource]] = {}
    for rule in rules:
        # Deltacloud forbids what a rule does not name; of a rule that forbids, EC2 has no word.
        ports = (None, None) if not rule.protocol else (rule.port_from, rule.port_to)
        merged.setdefault((rule.protocol or _ALL, *ports), []).extend(rule.sources)
    return [
        _permission(protocol, first, last, tuple(dict.fromkeys(sources)), groups, vpc_id, me)
        for (protocol, first, last), sources in merged.items()
    ]


def _permission(
    protocol: str,
    first: int | None,
    last: int | None,
    sources: Iterable[FirewallSource],
    groups: Groups,
    vpc_id: str,
    me: str,
) -> Payload:
    v4 = [{"cidrIp": each.cidr} for each in sources if each.cidr and ":" not in each.cidr]
    v6 = [{"cidrIpv6": each.cidr} for each in sources if ":" in each.cidr]
    return {
        "ipProtocol": protocol,
        **_ports(protocol, first, last),
        "groups": [_member(each, groups, vpc_id, me) for each in sources if each.firewall],
        "ipRanges": v4,
        "ipv6Ranges": v6,
        "prefixListIds": [],
    }


def _ports(protocol: str, first: int | None, last: int | None) -> Mapping[str, int]:
    """The ports of a permission: all of them where none is named, in EC2's words for that protocol."""
    if protocol in ("tcp", "udp"):
        return {"fromPort": first or 0, "toPort": 65535 if last is None else last}
    if protocol.startswith("icmp"):
        return {"fromPort": -1 if first is None else first, "toPort": -1 if last is None else last}
    return {}


def _member(source: FirewallSource, groups: Groups, vpc_id: str, me: str) -> Payload:
    known = groups.find(source.firewall)
    return {
        "userId": source.owner_id or me,
        "groupId": known.id if known else source.firewall,
        "groupName": source.firewall,
        "vpcId": vpc_id,
    }


def _rule_filters(prefix: str, element: str) -> Mapping[str, Any]:
    return {
        f"{prefix}ip-permission.cidr": at(element, "ipRanges", "cidrIp"),
        f"{prefix}ip-permission.from-port": at(element, "fromPort"),
        f"{prefix}ip-permission.group-id": at(element, "groups", "groupId"),
        f"{prefix}ip-permission.group-name": at(element, "groups", "groupName"),
        f"{prefix}ip-permission.ipv6-cidr": at(element, "ipv6Ranges", "cidrIpv6"),
        f"{prefix}ip-permission.protocol": at(element, "ipProtocol"),
        f"{prefix}ip-permission.to-port": at(element, "toPort"),
        f"{prefix}ip-permission.user-id": at(element, "groups", "userId"),
    }


_FILTERS = {
    "description": at("groupDescription"),
    "group-id": at("groupId"),
    "group-name": at("groupName"),
    "owner-id": at("ownerId"),
    "vpc-id": at("vpcId"),
    **_rule_filters("", "ipPermissions"),
    **_rule_filters("egress.", "ipPermissionsEgress"),
}
