"""DescribeInstanceAttribute and ModifyInstanceAttribute."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import evolve, frozen

from ec2proxy.actions import groups
from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.chosen import instances_of
from ec2proxy.actions.instance_items import SOURCE_DEST_CHECK, block_devices
from ec2proxy.actions.surroundings import read_groups
from ec2proxy.cloud.view import InstanceView
from ec2proxy.ec2.errors import EC2Error, invalid_value
from ec2proxy.ec2.parameter_kinds import Boolean
from ec2proxy.ec2.params import boolean, structure, structures, text, texts
from ec2proxy.ec2.xml import Payload
from ec2proxy.errors import BackendError, CloudError, Unsupported

SHUTDOWN_BEHAVIORS = ("stop", "terminate")

_GROUPS = "groupSet"
_USER_DATA = "userData"


_NOTHING: Mapping[str, str] = {}

# What EC2 tells of an instance's attributes, by their names in EC2. Groups and user data have to be asked for.
_PLAIN: Mapping[str, Callable[[InstanceView], Mapping[str, bool | str]]] = {
    "disableApiStop": lambda view: {"value": view.attributes.disable_api_stop},
    "disableApiTermination": lambda view: {"value": view.attributes.disable_api_termination},
    "ebsOptimized": lambda _: {"value": False},
    "enaSupport": lambda _: {"value": False},
    "enclaveOptions": lambda _: {"enabled": False},
    "instanceInitiatedShutdownBehavior": lambda view: {"value": view.attributes.shutdown_behavior},
    "instanceType": lambda view: {"value": view.instance.hardware_profile_id},
    "kernel": lambda _: _NOTHING,
    "ramdisk": lambda _: _NOTHING,
    "rootDeviceName": lambda _: _NOTHING,
    "sourceDestCheck": lambda _: {"value": SOURCE_DEST_CHECK},
    "sriovNetSupport": lambda _: _NOTHING,
}
_LISTS: Mapping[str, Callable[[InstanceView], Sequence[Payload]]] = {
    "blockDeviceMapping": lambda view: block_devices(view.instance),
    "productCodes": lambda _: [],
}


@frozen
class DescribeInstanceAttribute(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceAttribute.html"""

    POLL = False  # user data is secret, and kept sealed

    instance_id: str = text("InstanceId", required=True)
    attribute: str = text("Attribute", required=True)

    async def perform(self, call: Call) -> Payload:
        """One attribute of one instance; an attribute that is not set is empty."""
        _known(self.attribute)
        (view,) = await instances_of(call, [self.instance_id])
        self.stop_if_dry_run()
        if self.attribute == _USER_DATA:
            return {"instanceId": view.instance.id, _USER_DATA: await _user_data(call, view)}
        if self.attribute == _GROUPS:
            return {"instanceId": view.instance.id, _GROUPS: await _groups(call, view)}
        value = (_PLAIN.get(self.attribute) or _LISTS[self.attribute])(view)
        return {"instanceId": view.instance.id, self.attribute: value}


async def _groups(call: Call, view: InstanceView) -> Sequence[Mapping[str, str]]:
    """The groups of an instance: as in DescribeInstances, also where the backend fails to tell its firewalls."""
    try:
        known = await read_groups(call)
    except CloudError:
        known = groups.NO_FIREWALLS
    return groups.of(view.instance, known)


async def _user_data(call: Call, view: InstanceView) -> Mapping[str, str]:
    if not view.attributes.has_user_data:
        return _NOTHING
    ledger = await call.cloud.lifecycle.ledger(call.principal.credentials)
    try:
        return {"value": await ledger.user_data(view.instance.id)}
    except ValueError:
        raise BackendError("The user data cannot be read any more.") from None


@frozen
class Flag:
    """An attribute that is true or false, ``DisableApiStop.Value``."""

    value: bool | None = boolean("Value", default=None)


@frozen
class Word:
    """An attribute that is a text, ``InstanceType.Value``."""

    value: str = text("Value")


@frozen
class Secret:
    """An attribute that is a secret, ``UserData.Value``."""

    value: str = text("Value", max_length=32768, secret=True)


@frozen
class Enclave:
    """``EnclaveOptions.Enabled``."""

    value: bool | None = boolean("Enabled", default=None)


@frozen
class EbsDevice:
    """The volume of a block device, as ModifyInstanceAttribute has it."""

    volume_id: str = text("VolumeId")
    delete_on_termination: bool | None = boolean("DeleteOnTermination", default=None)


@frozen
class BlockDevice:
    """A block device, as ModifyInstanceAttribute has it."""

    device_name: str = text("DeviceName")
    virtual_name: str = text("VirtualName")
    no_device: str = text("NoDevice")
    ebs: EbsDevice = structure("Ebs", EbsDevice)


_Wanted: TypeAlias = bool | str | tuple[object, ...]


@frozen
class ModifyInstanceAttribute(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html"""

    instance_id: str = text("InstanceId", required=True)
    attribute: str = text("Attribute")
    value: str = text("Value", max_length=32768, secret=True)
    block_devices: tuple[BlockDevice, ...] = structures("BlockDeviceMapping", BlockDevice)
    disable_api_stop: Flag = structure("DisableApiStop", Flag)
    disable_api_termination: Flag = structure("DisableApiTermination", Flag)
    ebs_optimized: Flag = structure("EbsOptimized", Flag)
    ena_support: Flag = structure("EnaSupport", Flag)
    enclave_options: Enclave = structure("EnclaveOptions", Enclave)
    group_ids: tuple[str, ...] = texts("GroupId")
    shutdown_behavior: Word = structure("InstanceInitiatedShutdownBehavior", Word)
    instance_type: Word = structure("InstanceType", Word)
    kernel: Word = structure("Kernel", Word)
    ramdisk: Word = structure("Ramdisk", Word)
    source_dest_check: Flag = structure("SourceDestCheck", Flag)
    sriov_net_support: Word = structure("SriovNetSupport", Word)
    user_data: Secret = structure("UserData", Secret)

    async def perform(self, call: Call) -> None:
        """Set one attribute of one instance, if it is one that ec2proxy keeps or that is so already."""
        attribute, wanted = self._one_change()
        if attribute == "instanceInitiatedShutdownBehavior":
            checked_shutdown_behavior(str(wanted))
        (view,) = await instances_of(call, [self.instance_id])
        kept = _KEPT.get(attribute)
        if kept is None and not await _is_so(call, view, attribute, wanted):
            raise Unsupported(f"This cloud cannot change the attribute {attribute} of an instance.")
        self.stop_if_dry_run()
        if kept is not None:
            ledger = await call.cloud.lifecycle.ledger(call.principal.credentials)
            changed: dict[str, Any] = {kept: wanted}
            await ledger.change_attributes(view.instance.id, lambda now: evolve(now, **changed))

    def _one_change(self) -> tuple[str, _Wanted]:
        """The attribute that is to be set, and to what; in either style of saying it."""
        wanted: dict[str, _Wanted] = {
            name: value for name, value in self._named().items() if value is not None and value not in ("", ())
        }
        if self.attribute:
            _known(self.attribute)
        if self.value:
            if not self.attribute:
                raise EC2Error("MissingParameter", "The request must contain the parameter attribute")
            wanted[f"{self.attribute} by value" if self.attribute in wanted else self.attribute] = self._typed_value()
        elif self.attribute and self.attribute not in wanted:
            raise EC2Error("MissingParameter", "The request must contain the parameter value")
        if len(wanted) != 1:
            why = "Fields for multiple attribute types specified" if wanted else "No attributes specified."
            raise EC2Error("InvalidParameterCombination", why)
        return next(iter(wanted.items()))

    def _typed_value(self) -> _Wanted:
        return Boolean().read("Value", self.value) if self.attribute in _FLAGS else self.value

    def _named(self) -> Mapping[str, _Wanted | None]:
        return {
            "blockDeviceMapping": self.block_devices,
            "disableApiStop": self.disable_api_stop.value,
            "disableApiTermination": self.disable_api_termination.value,
            "ebsOptimized": self.ebs_optimized.value,
            "enaSupport": self.ena_support.value,
            "enclaveOptions": self.enclave_options.value,
            _GROUPS: self.group_ids,
            "instanceInitiatedShutdownBehavior": self.shutdown_behavior.value,
            "instanceType": self.instance_type.value,
            "kernel": self.kernel.value,
            "ramdisk": self.ramdisk.value,
            "sourceDestCheck": self.source_dest_check.value,
            "sriovNetSupport": self.sriov_net_support.value,
            _USER_DATA: self.user_data.value,
        }


_FLAGS = frozenset(
    ("disableApiStop", "disableApiTermination", "ebsOptimized", "enaSupport", "enclaveOptions", "sourceDestCheck")
)

# Attribute to the field of what ec2proxy keeps.
_KEPT = {
    "disableApiStop": "disable_api_stop",
    "disableApiTermination": "disable_api_termination",
    "instanceInitiatedShutdownBehavior": "shutdown_behavior",
}


def checked_shutdown_behavior(value: str) -> str:
    """What is to become of an instance that shuts itself down.

    :raises EC2Error: it is neither ``stop`` nor ``terminate``.
    """
    if value not in SHUTDOWN_BEHAVIORS:
        raise invalid_value("instanceInitiatedShutdownBehavior", value)
    return value


def _known(attribute: str) -> None:
    if attribute not in {*_PLAIN, *_LISTS, _GROUPS, _USER_DATA}:
        raise invalid_value("attribute", attribute, "Unknown attribute.")


async def _is_so(call: Call, view: InstanceView, attribute: str, wanted: _Wanted) -> bool:
    """Whether an attribute that cannot be changed has the value that is wanted."""
    if attribute == _GROUPS:
        named = wanted if isinstance(wanted, tuple) else (wanted,)
        return {group["groupId"] for group in groups.of(view.instance, await read_groups(call))} == set(named)
    return attribute in _PLAIN and wanted in _PLAIN[attribute](view).values()
