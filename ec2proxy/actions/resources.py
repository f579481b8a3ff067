"""What can bear tags: every kind of resource, and which of its ids are there."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias

from attrs import frozen

from ec2proxy.actions.action import Call
from ec2proxy.actions.groups import DEFAULT_ID
from ec2proxy.actions.key_facts import key_pair_id
from ec2proxy.actions.surroundings import read_groups, read_interfaces, read_topology
from ec2proxy.cloud.removed import forget_removed
from ec2proxy.ec2.errors import EC2Error, shown
from ec2proxy.errors import NotFound, Unsupported

Tags: TypeAlias = Mapping[str, str]


@frozen
class Kind:
    """A kind of resource.

    :param type: EC2's word for it, ``key-pair``.
    :param collection: what :class:`~ec2proxy.errors.NotFound` calls it, ``keys``.
    :param prefix: how EC2's own ids of it begin, ``key-``; a backend's ids may be anything.
    :param tags: gives the tags of all resources of this kind that the caller has, by id.
    """

    type: str
    collection: str
    prefix: str
    tags: Callable[[Call], Awaitable[Mapping[str, Tags]]]


@frozen
class Resource:
    """A resource that is there, with the tags that it is shown with."""

    id: str
    type: str
    tags: Tags


async def _of_instances(call: Call) -> Mapping[str, Tags]:
    views = await call.cloud.lifecycle.instances(call.principal.credentials)
    return {view.instance.id: view.tags for view in views}


async def _of_images(call: Call) -> Mapping[str, Tags]:
    images = await call.cloud.inventory.images(call.principal.credentials)
    return await stored(call, images.by_id)


async def _of_key_pairs(call: Call) -> Mapping[str, Tags]:
    keys = await call.cloud.inventory.keys(call.principal.credentials)
    return await stored(call, [key_pair_id(key.name) for key in keys.items])


async def _of_groups(call: Call) -> Mapping[str, Tags]:
    known = await read_groups(call)
    return await stored(call, known.firewalls if known.default else (*known.firewalls, DEFAULT_ID))


async def _of_vpcs(call: Call) -> Mapping[str, Tags]:
    return await stored(call, (await read_topology(call)).vpcs)


async def _of_subnets(call: Call) -> Mapping[str, Tags]:
    return await stored(call, (await read_topology(call)).subnets)


async def _of_interfaces(call: Call) -> Mapping[str, Tags]:
    return await stored(call, await read_interfaces(call))


async def _of_volumes(call: Call) -> Mapping[str, Tags]:
    volumes = await call.cloud.inventory.storage_volumes(call.principal.credentials)
    return await stored(call, volumes.by_id if volumes else ())


async def stored(call: Call, ids: Iterable[str]) -> Mapping[str, Tags]:
    """The remembered tags of resources, by id; resources without tags too."""
    ledger = await call.cloud.lifecycle.ledger(call.principal.credentials)
    return {each: ledger.tags.get(each, {}) for each in ids}


KINDS: Sequence[Kind] = (
    Kind("instance", "instances", "i-", _of_instances),
    Kind("image", "images", "ami-", _of_images),
    Kind("key-pair", "keys", "key-", _of_key_pairs),
    Kind("volume", "storage_volumes", "vol-", _of_volumes),
    Kind("security-group", "firewalls", "sg-", _of_groups),
    Kind("vpc", "networks", "vpc-", _of_vpcs),
    Kind("subnet", "subnets", "subnet-", _of_subnets),
    Kind("network-interface", "network_interfaces", "eni-", _of_interfaces),
)
"""All kinds; where a backend uses an id for two resources, the kind that comes first has it."""


async def tagged(call: Call) -> Sequence[Resource]:
    """All resources that the caller has and that may have tags: no more is asked of the backend than has to be."""
    instances, *others = KINDS
    found = dict(await _all(call, instances))
    there = set(found)
    ledger = await call.cloud.lifecycle.ledger(call.principal.credentials)
    for kind in others:
        left = [each for each, tags in ledger.tags.items() if tags and each not in found]
        if not left:
            break
        of_kind = await _all(call, kind)
        there.update(of_kind)
        found.update({each: of_kind[each] for each in left if each in of_kind})
    else:
        # All kinds have been looked at.
        await forget_removed(ledger, ledger.tags, there, call.cloud.clock.seconds())
    return list(found.values())


async def find(call: Call, ids: Iterable[str]) -> Sequence[Resource]:
    """The resources of these ids, each once; the backend is asked for no kind that need not be looked at.

    :raises NotFound: some ids look like those of a kind and are not there; all of the first such kind are named.
    :raises EC2Error: ``InvalidID``, an id is nobody's.
    """
    found: dict[str, Resource | None] = dict.fromkeys(ids)
    for kind in KINDS:
        if all(found.values()):
            break
        there = await _all(call, kind)
        found = {each: resource or there.get(each) for each, resource in found.items()}
    missing = [each for each, resource in found.items() if resource is None]
    for kind in KINDS:
        if lost := [each for each in missing if each.startswith(kind.prefix)]:
            raise NotFound(kind.collection, lost)
    if missing:
        raise EC2Error("InvalidID", f"The ID '{shown(missing[0])}' is not valid")
    return [resource for resource in found.values() if resource is not None]


async def _all(call: Call, kind: Kind) -> Mapping[str, Resource]:
    with suppress(Unsupported):
        tags = await kind.tags(call)
        return {each: Resource(each, kind.type, own) for each, own in tags.items()}
    return {}
