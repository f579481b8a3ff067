"""The way through a backend's own state machine to what EC2's verbs promise. Pure.

Each Deltacloud driver has a state machine of its own (recording 19): some must stop an instance before they can
destroy it, some leave a created one stopped, and in some a stop destroys. What to do next is decided from what is
seen now, never from what should have happened, so work that was cut off goes on from wherever the instance is.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Literal

from ec2proxy.ec2 import states
from ec2proxy.ec2.states import InstanceState
from ec2proxy.model import Instance, StateMachine

Verb = Literal["run", "start", "stop", "terminate"]
"""What can be promised about an instance."""


class Step(Enum):
    """What to do next about an instance."""

    START = "start"
    STOP = "stop"
    DESTROY = "destroy"
    WAIT = "wait"
    DONE = "done"


GONE = frozenset({"finish", "finished"})
"""Deltacloud's states of an instance that is no more, where a backend still lists it."""

_EC2_STATES = {
    "start": states.PENDING,
    "pending": states.PENDING,
    "unknown": states.PENDING,
    "running": states.RUNNING,
    "stopping": states.STOPPING,
    "stopped": states.STOPPED,
    "shutting_down": states.SHUTTING_DOWN,
    "finish": states.TERMINATED,
    "finished": states.TERMINATED,
    # It exists, does not run and can be terminated, which is all that EC2 has a word for.
    "error": states.STOPPED,
}


def stop_destroys(machine: StateMachine) -> bool:
    """Whether stopping an instance ends in its destruction, with no state on the way that it can be started from.

    A machine that says nothing about stopped instances is not trusted with one.
    """
    reached = {way.to for ways in machine.states.values() for way in ways if way.action == "stop"}
    while further := {to for state in reached for to in machine.moves_by_itself(state)} - reached:
        reached |= further
    if not reached:
        return True
    return not reached.isdisjoint(GONE) and not any(machine.allows(state, "start") for state in reached)


def offers(machine: StateMachine, action: str) -> bool:
    """Whether ``action`` can be asked for in any state at all."""
    return any(machine.allows(state, action) for state in machine.states)


def allows(machine: StateMachine, instance: Instance, action: str) -> bool:
    """Whether ``instance`` lets ``action`` be asked for now: by its own word if it has one, else by the machine's."""
    return action in instance.actions if instance.actions else machine.allows(instance.state.lower(), action)


def ec2_state(machine: StateMachine, instance: Instance) -> InstanceState:
    """The EC2 state of an instance that nothing is being done about."""
    state = _EC2_STATES.get(instance.state.lower(), states.PENDING)
    if not machine.states or state not in (states.STOPPING, states.STOPPED):
        return state
    # Where no stop is offered, only a destruction can be what it is stopping for.
    leaving = stop_destroys(machine) if offers(machine, "stop") else state is states.STOPPING
    return states.SHUTTING_DOWN if leaving else state


def to_terminate(machine: StateMachine, instance: Instance) -> Step:
    """What to do next about an instance that is to be no more."""
    state = instance.state.lower()
    if state in GONE:
        return Step.DONE
    if allows(machine, instance, "destroy"):
        return Step.DESTROY
    if state in ("start", "pending", "stopping", "shutting_down", "unknown"):
        return Step.WAIT
    if allows(machine, instance, "stop"):
        return Step.STOP
    if machine.moves_by_itself(state):
        return Step.WAIT
    if allows(machine, instance, "start"):
        # OpenNebula's machine has no way out of stopped but this; from running it can be destroyed.
        return Step.START
    # Nothing says how. Destroying is what was asked for, and the backend can still refuse it.
    return Step.DESTROY


def to_stop(_: StateMachine, instance: Instance) -> Step:
    """What to do next about an instance that is to be stopped."""
    if instance.state.lower() in ("stopped", "error", *GONE):
        return Step.DONE
    return Step.STOP if instance.state.lower() == "running" else Step.WAIT


def to_start(_: StateMachine, instance: Instance) -> Step:
    """What to do next about a stopped instance that is to run again."""
    if instance.state.lower() in ("stopped", "error"):
        return Step.START
    return Step.WAIT if instance.state.lower() in ("start", "pending", "stopping", "unknown") else Step.DONE


def to_run(machine: StateMachine, instance: Instance) -> Step:
    """What to do next about an instance that was created and is to run."""
    state = instance.state.lower()
    if state in ("start", "pending", "unknown"):
        return Step.WAIT
    if state == "stopped" and allows(machine, instance, "start"):
        return Step.START
    return Step.DONE


NEXT: Mapping[Verb, Callable[[StateMachine, Instance], Step]] = {
    "run": to_run,
    "start": to_start,
    "stop": to_stop,
    "terminate": to_terminate,
}
"""For each of EC2's verbs, what decides about the next step."""
