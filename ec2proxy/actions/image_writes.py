"""CreateImage, DeregisterImage and DescribeImageAttribute."""

import re
from collections.abc import Callable, Mapping

from attrs import frozen

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.chosen import instances_of
from ec2proxy.actions.images import is_public
from ec2proxy.actions.tags import TagSpecification, for_new
from ec2proxy.cloud import planner
from ec2proxy.cloud.deferring import shielded
from ec2proxy.ec2.errors import EC2Error, invalid_value, shown
from ec2proxy.ec2.params import structures, text
from ec2proxy.ec2.xml import Payload, Value
from ec2proxy.errors import CloudError, Conflict, NotFound, WrongState
from ec2proxy.model import Image

_NAME = re.compile(r"[A-Za-z0-9()\[\] ./\-'@_]{3,128}")
_DESCRIPTION_LENGTH = 255
_VERB = "create_image"


@frozen
class CreateImage(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html"""

    ACCEPTED = {"NoReboot": "whether an instance has to be rebooted for its image, Deltacloud leaves to the cloud"}

    instance_id: str = text("InstanceId", required=True)
    name: str = text("Name", required=True)
    description: str = text("Description", max_length=_DESCRIPTION_LENGTH)
    tag_specifications: tuple[TagSpecification, ...] = structures("TagSpecification", TagSpecification)

    async def perform(self, call: Call) -> Payload:
        """The id of the new image."""
        if not _NAME.fullmatch(self.name):
            raise EC2Error(
                "InvalidAMIName.Malformed",
                "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, blanks, "
                "'(', ')', '[', ']', '.', '-', '/', '@', the apostrophe and '_'",
            )
        tags = for_new(self.tag_specifications, "image")
        (view,) = await instances_of(call, [self.instance_id])
        if not planner.allows(await call.cloud.lifecycle.machine(call.principal.credentials), view.instance, _VERB):
            raise WrongState(
                f"The instance '{shown(self.instance_id)}' is not in a state in which this cloud makes an image of it."
            )
        me = call.principal.credentials.user
        for image in (await call.cloud.inventory.images(call.principal.credentials)).items:
            if image.name == self.name and image.owner_id in ("", me):
                raise Conflict("images", self.name)
        self.stop_if_dry_run()
        return {"imageId": (await shielded(self._create(call, tags))).id}

    async def _create(self, call: Call, tags: Mapping[str, str]) -> Image:
        credentials = call.principal.credentials
        before = (await call.cloud.inventory.images(credentials)).by_id
        try:
            create = call.cloud.driver.images.create
            image: Image = await create(credentials, self.instance_id, self.name, self.description)
        except CloudError as error:
            if not error.ambiguous:
                raise
            image = await self._lost(call, before, error)
        finally:
            call.cloud.inventory.wrote(credentials, "images")
        ledger = await call.cloud.lifecycle.ledger(credentials)
        await ledger.untag(image.id)
        if tags:
            await ledger.tag(image.id, tags)
        return image

    async def _lost(self, call: Call, before: Mapping[str, Image], error: CloudError) -> Image:
        """The image whose creation was not answered.

        :raises CloudError: it is not there.
        """
        call.cloud.inventory.wrote(call.principal.credentials, "images")
        for image in (await call.cloud.inventory.images(call.principal.credentials)).items:
            if image.name == self.name and image.id not in before:
                return image
        raise error


@frozen
class DeregisterImage(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeregisterImage.html"""

    ACCEPTED = {"DeleteAssociatedSnapshots": "Deltacloud knows of no snapshots that belong to an image"}

    image_id: str = text("ImageId", required=True)

    async def perform(self, call: Call) -> Payload:
        """Destroy an image."""
        await _image(call, self.image_id)
        self.stop_if_dry_run()
        await shielded(self._destroy(call))
        return {"return": True}

    async def _destroy(self, call: Call) -> None:
        credentials = call.principal.credentials
        try:
            await call.cloud.driver.images.destroy(credentials, self.image_id)
        finally:
            call.cloud.inventory.wrote(credentials, "images")
        ledger = await call.cloud.lifecycle.ledger(credentials)
        await ledger.untag(self.image_id)


def _launch_permission(image: Image, me: str) -> Value:
    return [{"group": "all"}] if is_public(image, me) else []


def _nothing(_: Image, __: str) -> Value:
    return {}


def _empty(_: Image, __: str) -> Value:
    return []


_ATTRIBUTES: Mapping[str, Callable[[Image, str], Value]] = {
    "blockDeviceMapping": _empty,
    "bootMode": _nothing,
    "deregistrationProtection": lambda _, __: {"value": "disabled"},
    "description": lambda image, _: {"value": image.description},
    "imdsSupport": _nothing,
    "kernel": _nothing,
    "lastLaunchedTime": _nothing,
    "launchPermission": _launch_permission,
    "productCodes": _empty,
    "ramdisk": _nothing,
    "sriovNetSupport": _nothing,
    "tpmSupport": _nothing,
    "uefiData": _nothing,
}


@frozen
class DescribeImageAttribute(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImageAttribute.html"""

    image_id: str = text("ImageId", required=True)
    attribute: str = text("Attribute", required=True)

    async def perform(self, call: Call) -> Payload:
        """One attribute of one image; what Deltacloud does not know is empty."""
        value = _ATTRIBUTES.get(self.attribute)
        if value is None:
            raise invalid_value("attribute", self.attribute, "Unknown attribute.")
        image = await _image(call, self.image_id)
        self.stop_if_dry_run()
        return {"imageId": image.id, self.attribute: value(image, call.principal.credentials.user)}


async def _image(call: Call, image_id: str) -> Image:
    """The image of that id.

    :raises NotFound: it is not there.
    """
    images = (await call.cloud.inventory.images(call.principal.credentials)).by_id
    if image_id not in images:
        raise NotFound("images", [image_id])
    return images[image_id]
