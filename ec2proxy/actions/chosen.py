"""The instances that a request names."""

from collections.abc import Iterable, Mapping, Sequence

from ec2proxy.actions.action import Call
from ec2proxy.cloud.view import InstanceView
from ec2proxy.ec2.errors import EC2Error, shown
from ec2proxy.errors import NotFound

_ID_LENGTH = 255


def checked(instance_ids: Iterable[str]) -> None:
    """Refuse what cannot be any backend's id of an instance.

    :raises EC2Error: ``InvalidInstanceID.Malformed``.
    """
    for instance_id in instance_ids:
        if len(instance_id) > _ID_LENGTH or any(char.isspace() for char in instance_id):
            raise EC2Error("InvalidInstanceID.Malformed", f'Invalid id: "{shown(instance_id)}"')


def chosen(by_id: Mapping[str, InstanceView], instance_ids: Sequence[str]) -> Sequence[InstanceView]:
    """Those of some instances that are named, each once.

    :raises EC2Error: ``InvalidInstanceID.Malformed``.
    :raises NotFound: some are not there; it names them all.
    """
    checked(instance_ids)
    asked = dict.fromkeys(instance_ids)
    missing = [instance_id for instance_id in asked if instance_id not in by_id]
    if missing:
        raise NotFound("instances", missing)
    return [by_id[instance_id] for instance_id in asked]


async def instances_of(call: Call, instance_ids: Sequence[str]) -> Sequence[InstanceView]:
    """The caller's instances that are named; all of them if none is.

    :raises EC2Error: ``InvalidInstanceID.Malformed``.
    :raises NotFound: some are not there; it names them all.
    """
    lifecycle, credentials = call.cloud.lifecycle, call.principal.credentials
    if not instance_ids:
        return await lifecycle.instances(credentials)
    return chosen(await lifecycle.some(credentials, instance_ids), instance_ids)


def refuse_ids_with_pages(instance_ids: tuple[str, ...], max_results: int | None) -> None:
    """See that a request does not name instances and ask for pages.

    :raises EC2Error: ``InvalidParameterCombination``.
    """
    if instance_ids and max_results is not None:
        raise EC2Error(
            "InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults"
        )
