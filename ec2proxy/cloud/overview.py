"""What is known of a cloud without asking it, for its operator."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator

from ec2proxy.cloud.cloud import Cloud
from ec2proxy.cloud.view import InstanceView, views
from ec2proxy.errors import CloudError
from ec2proxy.model import Credentials

MOST_INSTANCES, MOST_WORK = 200, 50
"""How many instances and pieces of work are told one by one; all are counted."""


async def overview(cloud: Cloud) -> dict[str, object]:
    """The instances in the pictures that are held, and what is unfinished, as JSON can hold it.

    ``seen`` is whether there is any picture of instances at all. It asks the backend for nothing, but where its state
    machine has been forgotten.
    """
    shown: dict[str, dict[str, str]] = {}
    states: Counter[str] = Counter()
    seen = set()
    async for credentials, view in _views(cloud):
        if view.instance.id in seen:
            continue
        seen.add(view.instance.id)
        states[view.state.name] += 1
        if len(shown) < MOST_INSTANCES:
            shown[view.instance.id] = _row(credentials, view)
    work = sorted(_work(cloud), key=lambda one: float(str(one["since"])))
    return {
        "pictures": len(cloud.inventory),
        "bytes": cloud.inventory.memory,
        "seen": any(True for _ in cloud.inventory.held("instances")),
        "states": dict(states),
        "instances": list(shown.values()),
        "unfinished": len(work),
        "work": work[:MOST_WORK],
    }


async def _views(cloud: Cloud) -> AsyncIterator[tuple[Credentials, InstanceView]]:
    now = cloud.clock.seconds()
    ledgers = cloud.lifecycle.ledgers()
    for credentials, snapshot in list(cloud.inventory.held("instances")):
        ledger = ledgers.get(credentials.user)
        if ledger is None:
            continue
        try:
            machine = await cloud.lifecycle.machine(credentials)
        except CloudError:
            continue
        for view in views(snapshot, ledger, machine, now):
            yield credentials, view


def _row(credentials: Credentials, view: InstanceView) -> dict[str, str]:
    instance = view.instance
    addresses = instance.public_addresses or instance.private_addresses
    return {
        "id": instance.id,
        "state": view.state.name,
        "name": view.tags.get("Name", ""),
        "zone": instance.realm_id,
        "type": instance.hardware_profile_id,
        "owner": credentials.user,
        "address": addresses[0].value if addresses else "",
    }


def _work(cloud: Cloud) -> Iterator[dict[str, object]]:
    for user, ledger in cloud.lifecycle.ledgers().items():
        for instance_id, work in ledger.work.items():
            yield {"instance": instance_id, "verb": work.verb, "since": work.since, "owner": user}
