"""Volumes, which are Deltacloud's storage volumes; where a backend has none, there are none."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from attrs import frozen

from ec2proxy.actions.action import Call
from ec2proxy.actions.listing import PagedListing, at, tagged
from ec2proxy.cloud.view import InstanceView
from ec2proxy.ec2.params import integer, texts
from ec2proxy.ec2.xml import Payload
from ec2proxy.model import StorageVolume

# By volume: the instance that says it has it, and as which device.
_Attached: TypeAlias = Mapping[str, tuple[str, str]]

_STATES = {
    "AVAILABLE": "available",
    "CREATING": "creating",
    "PENDING": "creating",
    "IN-USE": "in-use",
    "IN_USE": "in-use",
    "ATTACHING": "in-use",
    "DETACHING": "in-use",
    "DELETING": "deleting",
    "DELETED": "deleted",
    "ERROR": "error",
    "FAILED": "error",
}


@frozen
class DescribeVolumes(PagedListing):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html"""

    ACCEPTED = {"IncludeManagedResources": "no volume is managed by another service"}

    # EC2 gives what it can of a larger page, and refuses none.
    max_results: int | None = integer("MaxResults", minimum=5)
    volume_ids: tuple[str, ...] = texts("VolumeId")

    async def perform(self, call: Call) -> Payload:
        """The volumes asked for, in the backend's order unless they are paged."""
        passes = self.passing(_FILTERS)
        volumes = await call.cloud.inventory.storage_volumes(call.principal.credentials)
        views = await call.cloud.lifecycle.instances(call.principal.credentials)
        attached = _by_volume(views)
        items = await tagged(
            call, (_item(volume, attached) for volume in (volumes.items if volumes else ())), "volumeId"
        )
        named = self.named(items, "volumeId", self.volume_ids, "storage_volumes")
        shown, token = self.paged(call, [item for item in named if passes(item)], "volumeId")
        return {"volumeSet": shown, "nextToken": token}


def _by_volume(views: Iterable[InstanceView]) -> _Attached:
    return {volume.id: (view.instance.id, volume.device) for view in views for volume in view.instance.storage_volumes}


def _item(volume: StorageVolume, attached: _Attached) -> dict[str, Any]:
    attachments = _attachments(volume, attached)
    state = _STATES.get(volume.state)
    return {
        "volumeId": volume.id,
        "size": volume.capacity,
        "snapshotId": "",
        "availabilityZone": volume.realm_id,
        "availabilityZoneId": volume.realm_id,
        # Where the backend's word is none that we know, it is what the volume is used for that tells.
        "status": state or ("in-use" if attachments else "available"),
        "createTime": volume.created,
        "attachmentSet": attachments,
        "volumeType": "standard",
        "encrypted": False,
        "multiAttachEnabled": False,
    }


def _attachments(volume: StorageVolume, attached: _Attached) -> list[Mapping[str, Any]]:
    """What a volume is attached to: the backend tells it of the volume, of the instance, or of both."""
    instance_id, device = volume.instance_id, volume.device
    holder, as_device = attached.get(volume.id, ("", ""))
    if holder and instance_id in ("", holder):
        instance_id, device = holder, as_device or device
    if not instance_id:
        return []
    return [
        {
            "volumeId": volume.id,
            "instanceId": instance_id,
            "device": device,
            "status": "attached",
            # Deltacloud keeps a volume when its instance goes.
            "deleteOnTermination": False,
        }
    ]


_FILTERS = {
    "attachment.delete-on-termination": at("attachmentSet", "deleteOnTermination"),
    "attachment.device": at("attachmentSet", "device"),
    "attachment.instance-id": at("attachmentSet", "instanceId"),
    "attachment.status": at("attachmentSet", "status"),
    **dict.fromkeys(("availability-zone", "availability-zone-id"), at("availabilityZone")),
    "create-time": at("createTime"),
    "encrypted": at("encrypted"),
    "multi-attach-enabled": at("multiAttachEnabled"),
    "size": at("size"),
    "snapshot-id": at("snapshotId"),
    "status": at("status"),
    "volume-id": at("volumeId"),
    "volume-type": at("volumeType"),
}
