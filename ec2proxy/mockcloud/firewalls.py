"""Firewalls of the mock cloud; only a cloud with the feature ``firewalls`` has any.

Their behaviour is that of Deltacloud's ec2 driver, the ids of rules included; Deltacloud's mock driver has none.
"""

from collections.abc import Iterator, Mapping

from attrs import evolve

from ec2proxy.mockcloud.things import Fault, Firewall, Rule

DEFAULT_FIREWALL = "default"
_PROTOCOLS = ("tcp", "udp", "icmp")


class Firewalls(Mapping[str, Firewall]):
    """The firewalls by id, which is their name.

    :param owner: whose the firewall ``default`` is, that is there from the start.
    """

    def __init__(self, owner: str) -> None:
        self._firewalls = {DEFAULT_FIREWALL: Firewall(DEFAULT_FIREWALL, "default group", owner)}

    def __getitem__(self, firewall_id: str) -> Firewall:
        return self._firewalls[firewall_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._firewalls)

    def __len__(self) -> int:
        return len(self._firewalls)

    def find(self, firewall_id: str) -> Firewall:
        """One firewall.

        :raises Fault: 404.
        """
        if firewall_id not in self:
            raise Fault(404)
        return self[firewall_id]

    def create(self, owner: str, form: Mapping[str, str]) -> Firewall:
        """Make a firewall without rules.

        :raises Fault: its name is taken (409).
        """
        if form["name"] in self:
            raise Fault(409, f"The security group '{form['name']}' already exists", raised=True)
        firewall = self._firewalls[form["name"]] = Firewall(form["name"], form["description"], owner)
        return firewall

    def destroy(self, firewall_id: str) -> None:
        """Destroy a firewall.

        :raises Fault: 404.
        """
        del self._firewalls[self.find(firewall_id).id]

    def add_rule(self, firewall_id: str, form: Mapping[str, str]) -> Firewall:
        """Let somebody in: addresses (``ip_address1``, …) or groups (``group1`` with ``group1owner``, …).

        :raises Fault: 404, or 400 where nobody is named, or the protocol is none of tcp, udp, icmp.
        """
        firewall = self.find(firewall_id)
        addresses = tuple(value for name, value in form.items() if name.startswith("ip_address"))
        groups = tuple(
            (value, form.get(f"{name}owner", ""))
            for name, value in form.items()
            if name.startswith("group") and name.removeprefix("group").isdecimal()
        )
        if form["protocol"] not in _PROTOCOLS:
            raise Fault(400, f"'{form['protocol']}' is not a protocol")
        if not addresses and not groups:
            raise Fault(400, "No sources. Specify at least one source ip address or group.")
        rule = _rule(firewall, form, addresses, groups)
        changed = self._firewalls[firewall_id] = evolve(firewall, rules=(*firewall.rules, rule))
        return changed

    def remove_rule(self, firewall_id: str, rule_id: str) -> None:
        """Take a rule away.

        :raises Fault: there is no such firewall or rule (404).
        """
        firewall = self.find(firewall_id)
        left = tuple(rule for rule in firewall.rules if rule.id != rule_id)
        if len(left) == len(firewall.rules):
            raise Fault(404)
        self._firewalls[firewall_id] = evolve(firewall, rules=left)


def _rule(
    firewall: Firewall, form: Mapping[str, str], addresses: tuple[str, ...], groups: tuple[tuple[str, str], ...]
) -> Rule:
    sources = [f"@address,ipv4,{block.replace('/', ',')}" for block in addresses]
    sources += [f"@group,{owner},{name}" for name, owner in groups]
    rule_id = "~".join((firewall.owner_id, form["protocol"], form["port_from"], form["port_to"], "".join(sources)))
    return Rule(rule_id, form["protocol"], form["port_from"], form["port_to"], addresses, groups)
