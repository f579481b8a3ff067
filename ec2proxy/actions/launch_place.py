"""Where RunInstances is to start instances, and on what: of all that EC2 offers, what Deltacloud can do."""

from collections.abc import Sequence

from attrs import frozen

from ec2proxy.actions.action import Call
from ec2proxy.actions.surroundings import read_topology
from ec2proxy.ec2.errors import EC2Error, invalid_value
from ec2proxy.ec2.params import boolean, integer, structure, text, texts
from ec2proxy.errors import NotFound, Unsupported


@frozen
class NetworkInterface:
    """A network interface, as aws-cli and Ansible ask for the first one."""

    device_index: int = integer("DeviceIndex", minimum=0, default=0)
    subnet_id: str = text("SubnetId")
    security_group_ids: tuple[str, ...] = texts("SecurityGroupId")
    associate_public_ip_address: bool | None = boolean("AssociatePublicIpAddress", default=None)
    delete_on_termination: bool = boolean("DeleteOnTermination", default=True)


@frozen
class EbsDevice:
    """The volume of a block device; everything but its end with the instance is a choice that Deltacloud lacks."""

    delete_on_termination: bool = boolean("DeleteOnTermination", default=True)
    encrypted: bool = boolean("Encrypted")
    iops: int | None = integer("Iops")
    kms_key_id: str = text("KmsKeyId")
    snapshot_id: str = text("SnapshotId")
    throughput: int | None = integer("Throughput")
    volume_size: int | None = integer("VolumeSize")
    volume_type: str = text("VolumeType")


@frozen
class BlockDevice:
    """A block device of the new instance."""

    device_name: str = text("DeviceName")
    virtual_name: str = text("VirtualName")
    # A list, since the empty text that says so would count as absent.
    no_device: tuple[str, ...] = texts("NoDevice", empty=True)
    ebs: EbsDevice = structure("Ebs", EbsDevice)


_AS_IT_COMES = EbsDevice()


def refuse_special(interfaces: Sequence[NetworkInterface], devices: Sequence[BlockDevice]) -> None:
    """Take only what an instance gets anyway: one interface, and the disks of its image.

    :raises Unsupported: something else is asked for.
    """
    special = (
        (len(interfaces) > 1, "more than one network interface"),
        (any(each.device_index for each in interfaces), "a first network interface with that index"),
        # Its subnets say that they give a public address: true chooses nothing else.
        (any(each.associate_public_ip_address is False for each in interfaces), "instances without a public address"),
        (
            not all(each.delete_on_termination for each in interfaces),
            "network interfaces that outlive their instance",
        ),
        (
            any(each.virtual_name or each.no_device or each.ebs != _AS_IT_COMES for each in devices),
            "a choice of the volumes of an instance",
        ),
    )
    for asked, what in special:
        if asked:
            raise Unsupported(f"This cloud does not offer {what}.")


async def zone_for(call: Call, zone: str, subnet_id: str, interfaces: Sequence[NetworkInterface]) -> str:
    """The zone to start instances in: the one that is named, or the one of the subnet that is.

    :param zone: empty where none is named; so ``subnet_id``.
    :raises NotFound: there is no such subnet.
    :raises Unsupported: the subnet is not the one that instances of its zone are in.
    """
    named = [each.subnet_id for each in interfaces if each.subnet_id]
    if subnet_id and interfaces:
        raise EC2Error(
            "InvalidParameterCombination",
            "Network interfaces and an instance-level subnet ID may not be specified on the same request",
        )
    for wanted in [subnet_id] if subnet_id else named:
        subnet = (await read_topology(call)).subnets.get(wanted)
        if subnet is None:
            raise NotFound("subnets", [wanted])
        if not subnet.default_for_zone:
            raise Unsupported("This cloud starts instances only in the default subnet of a zone.")
        if zone not in ("", subnet.zone):
            raise invalid_value("availabilityZone", zone, f"The subnet is in the zone '{subnet.zone}'.")
        zone = subnet.zone
    return zone
