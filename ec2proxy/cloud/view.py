"""An instance as EC2 promises it: what the backend says, and what ec2proxy knows beside it."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from attrs import evolve, frozen

from ec2proxy.cloud import planner
from ec2proxy.cloud.attributes import Attributes
from ec2proxy.cloud.ledger import Ledger
from ec2proxy.cloud.picture import Snapshot
from ec2proxy.ec2 import states
from ec2proxy.ec2.states import InstanceState
from ec2proxy.model import Instance, StateMachine

_MEANWHILE: Mapping[str, tuple[InstanceState, frozenset[InstanceState]]] = {
    # verb: the state shown while the backend's own is one of these
    "run": (states.PENDING, frozenset({states.PENDING, states.STOPPED})),
    "start": (states.PENDING, frozenset({states.PENDING, states.STOPPED, states.STOPPING})),
    "stop": (states.STOPPING, frozenset({states.RUNNING, states.PENDING, states.STOPPING})),
    "terminate": (
        states.SHUTTING_DOWN,
        frozenset({states.PENDING, states.RUNNING, states.STOPPING, states.STOPPED, states.SHUTTING_DOWN}),
    ),
}


@frozen(eq=False)
class InstanceView:
    """An instance with its EC2 state and history.

    :param launch_time: aware; the backend's word, else when ec2proxy created or first saw it.
    :param launch_index: its place in its reservation, from 0.
    :param tags: what was asked to be its tags; of one that ec2proxy did not launch, its name as ``Name``.
    :param attributes: what clients have set of it.
    """

    instance: Instance
    state: InstanceState
    reservation_id: str
    launch_time: datetime
    launch_index: int = 0
    client_token: str = ""
    tags: Mapping[str, str] = {}
    attributes: Attributes = Attributes()


def reservation_of(instance_id: str) -> str:
    """The reservation id of an instance that ec2proxy did not launch: made up, but always the same."""
    return "r-" + hashlib.sha256(instance_id.encode()).hexdigest()[:17]


def views(snapshot: Snapshot[Instance], ledger: Ledger, machine: StateMachine, now: float) -> Iterator[InstanceView]:
    """Every instance that EC2 would describe: those listed, those created but not listed yet, those just gone.

    :param now: epoch seconds.
    """
    for instance in snapshot.items:
        yield view_of(instance, listed_state(instance, ledger, machine), ledger, now)
    for instance, state in unlisted(snapshot, ledger):
        yield view_of(instance, state, ledger, now)


def unlisted(snapshot: Snapshot[Instance], ledger: Ledger) -> Iterator[tuple[Instance, InstanceState]]:
    """The instances that the backend does not list (yet, or any more), as they were last seen, and their states."""
    # The ledger may change while the others are looked at.
    work, tombstones = list(ledger.work.items()), list(ledger.tombstones.items())
    for instance_id, one in work:
        if instance_id not in snapshot.by_id:
            # One that was listed is no more; one that never was is not listed yet.
            gone = instance_id in ledger.seen
            yield one.instance, states.TERMINATED if gone else _MEANWHILE[one.verb][0]
    for instance_id, tombstone in tombstones:
        if instance_id not in snapshot.by_id and instance_id not in ledger.work:
            yield tombstone.instance, states.TERMINATED


def listed_state(instance: Instance, ledger: Ledger, machine: StateMachine) -> InstanceState:
    """The state of an instance that the backend lists."""
    seen, work = planner.ec2_state(machine, instance), ledger.work.get(instance.id)
    if work is not None:
        meanwhile, hidden = _MEANWHILE[work.verb]
        if seen in hidden:
            return meanwhile
    return seen


def view_of(instance: Instance, state: InstanceState, ledger: Ledger, now: float) -> InstanceView:
    """One instance with what the ledger knows of it.

    :param now: epoch seconds.
    """
    launch = ledger.launches.get(instance.id)
    tags = ledger.tags.get(instance.id)
    if tags is None:
        # One that ec2proxy launched has the tags that were asked for and no others: the backend made up its name.
        tags = {"Name": instance.name} if instance.name and launch is None else {}
    if state is states.TERMINATED:
        instance = evolve(instance, public_addresses=(), private_addresses=(), actions=frozenset())
    since = launch.at if launch else ledger.seen.get(instance.id, now)
    return InstanceView(
        instance=instance,
        state=state,
        reservation_id=launch.reservation_id if launch else reservation_of(instance.id),
        launch_time=instance.launch_time or datetime.fromtimestamp(since, UTC),
        launch_index=launch.index if launch else 0,
        client_token=launch.client_token if launch else "",
        tags=tags,
        attributes=ledger.attributes.get(instance.id) or Attributes(),
    )
