"""The life cycles that Deltacloud's drivers give their instances, and what else differs with them.

The transitions are facts of Apache Deltacloud 1.1.3 (``define_instance_states`` of each driver), here one a line:
from, the action (``*``: by itself), to. States are listed by ``instance_states`` in the order in which they are
first named.
"""

from collections.abc import Mapping

from attrs import frozen

_MOCK = """
start create pending
pending * running
running reboot running
running stop stopped
stopped start running
stopped destroy finish
"""

_DELETED_BY_STOP = """
start create pending
pending * running
running reboot running
running stop stopping
stopping * stopped
stopped * finish
"""

_RIMUHOSTING = """
start * pending
pending * running
running reboot running
running stop stopping
stopping * stopped
stopped * finish
"""

_OPENSTACK = (
    _DELETED_BY_STOP
    + """
running * error
pending * error
stopping * error
"""
)

_DIGITALOCEAN = """
start create pending
pending * running
running reboot running
running stop stopping
running destroy finish
stopped start running
stopped destroy finish
stopping * stopped
stopped * finish
running * error
pending * error
stopping * error
"""

_GOGRID = """
start * pending
pending * running
running stop stopped
stopped start running
running destroy finish
stopped destroy finish
"""

_CONDOR = """
start * pending
pending * running
pending destroy finish
running reboot running
running destroy stopping
pending * finish
"""

_OPENNEBULA = """
start create pending
pending * running
stopped start running
running reboot running
running stop stopping
stopping * stopped
running destroy stopping
stopping * finish
"""

_SBC = """
start * pending
pending * running
running reboot running
running destroy finish
"""

_FGCP = """
start create pending
pending * stopped
running stop stopping
stopping * stopped
stopped start running
stopped destroy finish
pending * error
running * error
stopping * error
"""

_RHEVM = """
start * pending
pending * stopped
stopped start running
running stop stopping
stopping stop stopped
stopped destroy finish
"""

_TERREMARK = """
start create pending
pending * stopped
stopped start running
running reboot running
running stop stopping
stopping * stopped
stopped destroy finish
"""

_ARUBACLOUD = """
start * pending
pending * running
running reboot running
running stop stopping
stopping * stopped
stopped start pending
stopped destroy finish
"""

_EC2 = """
start * pending
pending * running
running reboot running
running stop stopping
stopping * stopped
stopped start running
stopped destroy finish
"""

_PROFITBRICKS = """
start * pending
pending * running
stopped start running
stopped destroy stopped
running reboot running
running stop stopping
stopping * stopped
stopping * finish
stopped * finish
"""


@frozen
class Way:
    """A way out of a state: on ``action``, or by itself where there is none."""

    action: str | None
    to: str


@frozen
class Machine:
    """One driver's life cycle of instances.

    :param states: state (lower case) to the ways out of it, in the order of ``instance_states`` (recording 19).
    :param stop_destroys: stopping an instance deletes it.
    :param redirects: an action is answered with a redirect to the instance, not with the instance.
    :param has_realm: instances name the realm that they are in.
    :param checks_images: an instance of an image that does not exist is refused.
    """

    name: str
    states: Mapping[str, tuple[Way, ...]]
    stop_destroys: bool = False
    redirects: bool = False
    has_realm: bool = True
    checks_images: bool = True

    def actions(self, state: str) -> tuple[str, ...]:
        """The actions that ``state`` (any case) allows, in the machine's order."""
        return tuple(way.action for way in self.states.get(state.lower(), ()) if way.action is not None)

    def target(self, state: str, action: str) -> str:
        """The state that ``action`` leads to from ``state``, where it is allowed."""
        return next(way.to for way in self.states[state.lower()] if way.action == action)

    def settles_in(self, state: str) -> str | None:
        """What ``state`` turns into by itself when all goes well, or None where it lasts.

        Running and stopped last in every driver, whatever its table says: ``stopped`` turns into ``finish`` only
        where a stop destroys, and that is the stop's doing. The table of rhevm wants a second stop for a stopping
        instance; its machines go down without.
        """
        if state == "stopping":
            return "stopped"
        if state == "pending":
            return next(way.to for way in self.states["pending"] if way.action is None)
        return None


def _machine(name: str, table: str, **behaviour: bool) -> Machine:
    states: dict[str, list[Way]] = {}
    for line in table.split("\n"):
        if line:
            before, action, after = line.split()
            states.setdefault(before, []).append(Way(None if action == "*" else action, after))
            states.setdefault(after, [])
    return Machine(name, {state: tuple(ways) for state, ways in states.items()}, **behaviour)


MACHINES: Mapping[str, Machine] = {
    machine.name: machine
    for machine in (
        _machine("mock", _MOCK, checks_images=False),
        _machine("openstack", _OPENSTACK, stop_destroys=True, has_realm=False),
        _machine("rackspace", _DELETED_BY_STOP, stop_destroys=True),
        _machine("rimuhosting", _RIMUHOSTING, stop_destroys=True, redirects=True),
        _machine("digitalocean", _DIGITALOCEAN, redirects=True),
        _machine("gogrid", _GOGRID, redirects=True),
        _machine("condor", _CONDOR),
        _machine("opennebula", _OPENNEBULA),
        _machine("sbc", _SBC),
        _machine("fgcp", _FGCP),
        _machine("rhevm", _RHEVM, redirects=True),
        _machine("terremark", _TERREMARK, redirects=True),
        _machine("arubacloud", _ARUBACLOUD),
        _machine("ec2", _EC2),
        _machine("profitbricks", _PROFITBRICKS, redirects=True),
    )
}
