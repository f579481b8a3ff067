"""What EC2's verbs would do to instances, worked out before anything is done. Pure."""

from attrs import field, frozen

from ec2proxy.cloud import planner
from ec2proxy.cloud.planner import Verb
from ec2proxy.cloud.view import InstanceView
from ec2proxy.ec2 import states
from ec2proxy.ec2.states import InstanceState
from ec2proxy.errors import Unsupported, WrongState
from ec2proxy.model import StateMachine


@frozen
class Change:
    """What a verb does to an instance's EC2 state, as the client is told."""

    instance_id: str
    previous: InstanceState
    current: InstanceState


@frozen
class Plan:
    """A verb that can be carried out, and for which instances there is something to do.

    :param affected: what is to be changed; the others of ``changes`` are so already.
    """

    verb: Verb
    changes: tuple[Change, ...]
    affected: tuple[InstanceView, ...] = field(repr=False)


def wrong_state(instance_id: str, wanted: str) -> WrongState:
    """The refusal to do with an instance what its state does not allow.

    :param wanted: what cannot be done, as a participle: ``stopped``.
    """
    return WrongState(f"The instance '{instance_id}' is not in a state from which it can be {wanted}.")


def planned(verb: Verb, machine: StateMachine, chosen: list[InstanceView]) -> Plan:
    """What ``verb`` does to the chosen instances.

    :raises WrongState: nothing, since the state of one does not allow it.
    :raises Unsupported: nothing good, in this backend.
    """
    changes = tuple(_CHANGES[verb](machine, view) for view in chosen)
    affected = tuple(view for view, change in zip(chosen, changes, strict=True) if _is_to_do(verb, change))
    return Plan(verb, changes, affected)


def _is_to_do(verb: Verb, change: Change) -> bool:
    if verb == "terminate":
        # One that goes down of itself is to be seen as terminated, too.
        return change.previous is not states.TERMINATED
    return change.previous is not change.current


def _terminate(_: StateMachine, view: InstanceView) -> Change:
    now = view.state
    return Change(view.instance.id, now, now if now is states.TERMINATED else states.SHUTTING_DOWN)


def _stop(machine: StateMachine, view: InstanceView) -> Change:
    now = view.state
    if not planner.offers(machine, "stop"):
        raise Unsupported("This cloud cannot stop instances.")
    if planner.stop_destroys(machine):
        raise Unsupported("In this cloud a stop destroys the instance and its data; use TerminateInstances.")
    if now not in (states.RUNNING, states.STOPPING, states.STOPPED):
        raise wrong_state(view.instance.id, "stopped")
    return Change(view.instance.id, now, states.STOPPING if now is states.RUNNING else now)


def _start(machine: StateMachine, view: InstanceView) -> Change:
    now = view.state
    if now not in (states.STOPPED, states.PENDING, states.RUNNING):
        raise wrong_state(view.instance.id, "started")
    if now is states.STOPPED and not planner.offers(machine, "start"):
        raise Unsupported("This cloud cannot start instances.")
    return Change(view.instance.id, now, states.PENDING if now is states.STOPPED else now)


_CHANGES = {"terminate": _terminate, "stop": _stop, "start": _start}
