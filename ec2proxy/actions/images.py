"""Images."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.tags import tag_set
from ec2proxy.actions.unshown import unshown
from ec2proxy.ec2.filters import matcher
from ec2proxy.ec2.paging import fingerprint
from ec2proxy.ec2.params import Filter, integer, structures, text, texts
from ec2proxy.ec2.xml import Payload, timestamp
from ec2proxy.errors import NotFound
from ec2proxy.model import Image

# What Deltacloud's drivers say (OpenStack's ACTIVE, RHEV-M's OK) to EC2's words; another word is no reason to use it.
_STATES = {
    **dict.fromkeys(("ACTIVE", "AVAILABLE", "OK", "READY"), "available"),
    **dict.fromkeys(("ERROR", "FAILED", "KILLED"), "failed"),
    **dict.fromkeys(("DELETED", "DEREGISTERED"), "deregistered"),
    **dict.fromkeys(("INVALID", "UNAVAILABLE"), "invalid"),
}
VIRTUALIZATION_TYPE = "hvm"
"""Of every image and instance: Deltacloud does not tell, and whoever looks for an image asks for this."""

_ARCHITECTURES = {"x86": "i386", "i586": "i386", "i686": "i386", "amd64": "x86_64", "x64": "x86_64", "aarch64": "arm64"}


@frozen
class DescribeImages(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html"""

    ACCEPTED = {
        "IncludeDeprecated": "no Deltacloud image is deprecated",
        "IncludeDisabled": "no Deltacloud image is disabled",
    }

    image_ids: tuple[str, ...] = texts("ImageId")
    owners: tuple[str, ...] = texts("Owner")
    executable_by: tuple[str, ...] = texts("ExecutableBy")
    filters: tuple[Filter, ...] = structures("Filter", Filter)
    max_results: int | None = integer("MaxResults", minimum=1, maximum=1000)
    next_token: str = text("NextToken")

    async def perform(self, call: Call) -> Payload:
        """The images asked for, in the backend's order unless they are paged."""
        me = call.principal.credentials.user
        ledger = await call.cloud.lifecycle.ledger(call.principal.credentials)
        matches = matcher(self.filters, _filters(me), tags=lambda image: ledger.tags.get(image.id, {}))
        images = await call.cloud.inventory.images(call.principal.credentials)
        missing = [image_id for image_id in dict.fromkeys(self.image_ids) if image_id not in images.by_id]
        if missing:
            raise NotFound("images", missing)
        owners = {me if owner == "self" else owner for owner in self.owners}
        found = [
            image
            for image in images.items
            if (not self.image_ids or image.id in self.image_ids)
            and (not owners or image.owner_id in owners)
            and (not self.executable_by or self._may_run(image, me))
            and matches(image)
        ]
        self.stop_if_dry_run()
        token = None
        if self.max_results is not None or self.next_token:
            asked = fingerprint(
                "DescribeImages", call.region, me, self.image_ids, self.owners, self.executable_by, self.filters
            )
            found, token = call.pager.page(
                found, lambda image: image.id, self.max_results or 1000, self.next_token, asked
            )
        return {"imagesSet": [_render(image, me, ledger.tags.get(image.id, {})) for image in found], "nextToken": token}

    def _may_run(self, image: Image, me: str) -> bool:
        wanted = {"self": image.owner_id == me, "all": image.owner_id != me, me: image.owner_id == me}
        return any(wanted.get(who, False) for who in self.executable_by)


def _filters(me: str) -> Mapping[str, Any]:
    return {
        **unshown("DescribeImages"),
        "architecture": lambda image: (known,) if (known := architecture(image)) else (),
        "creation-date": lambda image: (timestamp(image.creation_time),) if image.creation_time else (),
        "description": lambda image: (image.description,),
        "image-id": lambda image: (image.id,),
        "image-type": lambda image: ("machine",),
        "is-public": lambda image: ("true" if is_public(image, me) else "false",),
        "manifest-location": lambda image: (_location(image),),
        "name": lambda image: (image.name,),
        "owner-id": lambda image: (image.owner_id,),
        "root-device-type": lambda image: (root_device_type(image),),
        "virtualization-type": lambda image: (VIRTUALIZATION_TYPE,),
        "state": lambda image: (_state(image),),
    }


def is_public(image: Image, me: str) -> bool:
    """Whether an image is called public: Deltacloud tells no permissions, but what others own and I see is not mine."""
    return image.owner_id != me


def architecture(image: Image) -> str | None:
    """EC2's word for an image's architecture, else the backend's; None where it is not known."""
    return _ARCHITECTURES.get(image.architecture.lower(), image.architecture) or None


def root_device_type(image: Image) -> str:
    """EC2's word for what an image's root device is.

    Where that is not known it is ``ebs``: in EC2 only such instances can be stopped and become images, as Deltacloud's
    can, and tools that do both (Packer) look at it first.
    """
    return "instance-store" if image.root_type == "transient" else "ebs"


def _state(image: Image) -> str:
    return _STATES.get(image.state.upper(), "pending")


def _location(image: Image) -> str:
    return f"{image.owner_id}/{image.name}" if image.owner_id else image.name


def _render(image: Image, me: str, tags: Mapping[str, str]) -> Payload:
    return {
        "imageId": image.id,
        "imageLocation": _location(image),
        "imageState": _state(image),
        "imageOwnerId": image.owner_id,
        "creationDate": image.creation_time,
        "isPublic": is_public(image, me),
        "productCodes": [],
        "architecture": architecture(image),
        "imageType": "machine",
        "name": image.name,
        "description": image.description,
        "rootDeviceType": root_device_type(image),
        "blockDeviceMapping": [],
        "virtualizationType": VIRTUALIZATION_TYPE,
        "tagSet": tag_set(tags),
    }
