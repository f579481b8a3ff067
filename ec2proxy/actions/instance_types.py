"""Instance types, which are Deltacloud's hardware profiles."""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from ec2proxy.actions import eucalyptus, profiles
from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.images import root_device_type
from ec2proxy.actions.instances import IMAGES_MAX_AGE
from ec2proxy.actions.listing import at
from ec2proxy.actions.unshown import unshown
from ec2proxy.ec2.errors import EC2Error, invalid_value, shown
from ec2proxy.ec2.filters import matcher
from ec2proxy.ec2.paging import fingerprint
from ec2proxy.ec2.params import Filter, boolean, integer, structures, text, texts
from ec2proxy.ec2.xml import Payload
from ec2proxy.errors import Unsupported
from ec2proxy.model import HardwareProfile, Image

_MOST_TYPES = 100
_MOST_OFFERINGS = 1000


@frozen
class DescribeInstanceTypes(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html"""

    ACCEPTED = {"IncludeUnsupportedInRegion": "every hardware profile there is can be had"}

    instance_types: tuple[str, ...] = texts("InstanceType")
    filters: tuple[Filter, ...] = structures("Filter", Filter)
    max_results: int | None = integer("MaxResults", minimum=5, maximum=_MOST_TYPES)
    next_token: str = text("NextToken")
    availability: bool | None = boolean("Availability", default=None)

    def namespace(self, call: Call, version: str) -> str:
        """EC2's, or Eucalyptus's where one of its clients asks."""
        return eucalyptus.NAMESPACE if eucalyptus.asks(call) else super().namespace(call, version)

    async def perform(self, call: Call) -> Payload:
        """The instance types asked for, in the backend's order unless they are paged."""
        if eucalyptus.asks(call):
            return await self._as_eucalyptus(call)
        if self.availability is not None:
            raise EC2Error("UnknownParameter", "The parameter Availability is not recognized")
        matches = matcher(self.filters, _FILTERS)
        credentials = call.principal.credentials
        known = await call.cloud.inventory.hardware_profiles(credentials)
        images = (await call.cloud.inventory.images(credentials, IMAGES_MAX_AGE)).items
        items = [_item(profile, images) for profile in chosen(known.items, self.instance_types)]
        found = [item for item in items if matches(item)]
        self.stop_if_dry_run()
        token = None
        if self.max_results is not None or self.next_token:
            asked = fingerprint(
                "DescribeInstanceTypes", call.region, credentials.user, self.instance_types, self.filters
            )
            found, token = call.pager.page(
                found, lambda item: item["instanceType"], self.max_results or _MOST_TYPES, self.next_token, asked
            )
        return {"instanceTypeSet": found, "nextToken": token}

    async def _as_eucalyptus(self, call: Call) -> Payload:
        if self.availability:
            raise Unsupported("This cloud does not tell how many instances of a type it has room for.")
        if self.filters or self.max_results is not None or self.next_token:
            raise Unsupported("Eucalyptus describes instance types without filters and pages.")
        known = await call.cloud.inventory.hardware_profiles(call.principal.credentials)
        found = chosen(known.items, self.instance_types)
        self.stop_if_dry_run()
        return {"instanceTypeDetails": [eucalyptus.item(profile) for profile in found]}


@frozen
class DescribeInstanceTypeOfferings(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html"""

    location_type: str = text("LocationType", default="region")
    filters: tuple[Filter, ...] = structures("Filter", Filter)
    max_results: int | None = integer("MaxResults", minimum=5, maximum=_MOST_OFFERINGS)
    next_token: str = text("NextToken")

    async def perform(self, call: Call) -> Payload:
        """Every type in every place: Deltacloud knows of no realm that lacks a hardware profile."""
        matches = matcher(self.filters, _OFFERING_FILTERS)
        credentials = call.principal.credentials
        locations = await self._locations(call)
        known = await call.cloud.inventory.hardware_profiles(credentials)
        found = [
            {"instanceType": profile.id, "locationType": self.location_type, "location": location}
            for profile in known.items
            for location in locations
        ]
        found = [item for item in found if matches(item)]
        self.stop_if_dry_run()
        token = None
        if self.max_results is not None or self.next_token:
            asked = fingerprint(
                "DescribeInstanceTypeOfferings", call.region, credentials.user, self.location_type, self.filters
            )
            found, token = call.pager.page(
                found, _offering_key, self.max_results or _MOST_OFFERINGS, self.next_token, asked
            )
        return {"instanceTypeOfferingSet": found, "nextToken": token}

    async def _locations(self, call: Call) -> Iterable[str]:
        if self.location_type == "region":
            return (call.region,)
        if self.location_type in ("availability-zone", "availability-zone-id"):
            # A zone's id is its name, as DescribeAvailabilityZones tells.
            return [realm.id for realm in (await call.cloud.inventory.realms(call.principal.credentials)).items]
        if self.location_type == "outpost":
            return ()
        raise invalid_value("LocationType", self.location_type)


def _offering_key(item: Mapping[str, str]) -> str:
    return f"{item['instanceType']}\n{item['location']}"


def chosen(known: Iterable[HardwareProfile], asked: tuple[str, ...]) -> list[HardwareProfile]:
    """Those of the profiles that were asked for; all of them if none was named.

    :raises EC2Error: ``InvalidInstanceType``, which names all that are not there.
    """
    by_id = {profile.id: profile for profile in known}
    missing = [name for name in dict.fromkeys(asked) if name not in by_id]
    if missing:
        names = ", ".join(shown(name) for name in missing)
        raise EC2Error("InvalidInstanceType", f"The following supplied instance types do not exist: [{names}]")
    return [profile for profile in by_id.values() if not asked or profile.id in asked]


def _item(profile: HardwareProfile, images: Iterable[Image]) -> dict[str, Any]:
    """One type. terraform-provider-aws reads ``memoryInfo`` unchecked and takes a type without ``ebsInfo``,
    ``networkInfo``, ``placementGroupInfo``, ``processorInfo`` or ``vCpuInfo`` for none
    (``internal/service/ec2/ec2_instance_type_data_source.go``): these are there even where nothing is known.
    """
    runnable = [image for image in images if profiles.runs(profile, image)]
    storage = profiles.whole(profile, "storage")
    return {
        "instanceType": profile.id,
        "currentGeneration": True,
        "freeTierEligible": False,
        "supportedUsageClasses": ["on-demand"],
        "supportedRootDeviceTypes": sorted({root_device_type(image) for image in runnable}),
        "bareMetal": False,
        "processorInfo": {"supportedArchitectures": profiles.architectures(profile, runnable)},
        "vCpuInfo": {"defaultVCpus": profiles.cpus(profile)},
        "memoryInfo": {"sizeInMiB": profiles.whole(profile, "memory")},
        "instanceStorageSupported": bool(storage),
        "instanceStorageInfo": {"totalSizeInGB": storage} if storage else None,
        "ebsInfo": {
            "ebsOptimizedSupport": "unsupported",
            "encryptionSupport": "unsupported",
            "nvmeSupport": "unsupported",
        },
        "networkInfo": {"enaSupport": "unsupported", "efaSupported": False},
        "placementGroupInfo": {"supportedStrategies": []},
        "hibernationSupported": False,
        "burstablePerformanceSupported": False,
        "dedicatedHostsSupported": False,
        "autoRecoverySupported": False,
        "nitroEnclavesSupport": "unsupported",
        "nitroTpmSupport": "unsupported",
    }


_FILTERS = {
    **unshown("DescribeInstanceTypes"),
    "auto-recovery-supported": at("autoRecoverySupported"),
    "bare-metal": at("bareMetal"),
    "burstable-performance-supported": at("burstablePerformanceSupported"),
    "current-generation": at("currentGeneration"),
    "dedicated-hosts-supported": at("dedicatedHostsSupported"),
    "ebs-info.ebs-optimized-support": at("ebsInfo", "ebsOptimizedSupport"),
    "ebs-info.encryption-support": at("ebsInfo", "encryptionSupport"),
    "ebs-info.nvme-support": at("ebsInfo", "nvmeSupport"),
    "free-tier-eligible": at("freeTierEligible"),
    "hibernation-supported": at("hibernationSupported"),
    "instance-storage-info.total-size-in-gb": at("instanceStorageInfo", "totalSizeInGB"),
    "instance-storage-supported": at("instanceStorageSupported"),
    "instance-type": at("instanceType"),
    "memory-info.size-in-mib": at("memoryInfo", "sizeInMiB"),
    "network-info.efa-supported": at("networkInfo", "efaSupported"),
    "network-info.ena-support": at("networkInfo", "enaSupport"),
    "nitro-enclaves-support": at("nitroEnclavesSupport"),
    "nitro-tpm-support": at("nitroTpmSupport"),
    "processor-info.supported-architecture": at("processorInfo", "supportedArchitectures"),
    "supported-root-device-type": at("supportedRootDeviceTypes"),
    "supported-usage-class": at("supportedUsageClasses"),
    "vcpu-info.default-vcpus": at("vCpuInfo", "defaultVCpus"),
}

_OFFERING_FILTERS = {"instance-type": at("instanceType"), "location": at("location")}
