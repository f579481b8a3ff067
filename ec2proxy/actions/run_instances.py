"""RunInstances."""

from base64 import b64decode
from collections.abc import Iterable, Sequence

from attrs import frozen

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.instance_attributes import checked_shutdown_behavior
from ec2proxy.actions.instance_items import Images, reservation_item
from ec2proxy.actions.launch_place import BlockDevice, NetworkInterface, refuse_special, zone_for
from ec2proxy.actions.security_groups import firewalls_for
from ec2proxy.actions.surroundings import surroundings_if_told
from ec2proxy.actions.tags import TagSpecification, for_new
from ec2proxy.cloud.attributes import Attributes
from ec2proxy.cloud.orders import Order
from ec2proxy.cloud.view import InstanceView
from ec2proxy.ec2.errors import EC2Error, invalid_value, shown
from ec2proxy.ec2.params import boolean, integer, structure, structures, text, texts
from ec2proxy.ec2.xml import Payload
from ec2proxy.errors import NotFound, Unsupported
from ec2proxy.model import InstanceSpec

USER_DATA_BYTES = 16384
"""EC2's limit, before base64."""

MOST_AT_ONCE = 100


@frozen
class Placement:
    """Where to start instances; only the zone is ours to choose."""

    availability_zone: str = text("AvailabilityZone")
    tenancy: str = text("Tenancy", default="default")


@frozen
class Enabled:
    """A structure that says only whether something is to be on."""

    enabled: bool = boolean("Enabled", "Configured")


@frozen
class RunInstances(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html"""

    ACCEPTED = {
        "AdditionalInfo": "reserved by EC2, without meaning",
        "CreditSpecification.*": "no Deltacloud instance runs on credits, so none can run out of them",
        "EbsOptimized": "a wish about throughput that every cloud grants as it can",
        "MaintenanceOptions.*": "recovery after a host's failure is the cloud's own affair",
        "MetadataOptions.*": "EC2's metadata service is not there to be configured",
        "PrivateDnsNameOptions.*": "names are given by the cloud",
    }

    image_id: str = text("ImageId", required=True)
    instance_type: str = text("InstanceType")
    min_count: int = integer("MinCount", minimum=1, default=1)
    max_count: int | None = integer("MaxCount", minimum=1)
    key_name: str = text("KeyName")
    user_data: str = text("UserData", max_length=2 * USER_DATA_BYTES, secret=True)
    security_groups: tuple[str, ...] = texts("SecurityGroup")
    security_group_ids: tuple[str, ...] = texts("SecurityGroupId")
    placement: Placement = structure("Placement", Placement)
    subnet_id: str = text("SubnetId")
    network_interfaces: tuple[NetworkInterface, ...] = structures("NetworkInterface", NetworkInterface)
    block_devices: tuple[BlockDevice, ...] = structures("BlockDeviceMapping", BlockDevice)
    client_token: str = text("ClientToken", max_length=64)
    tag_specifications: tuple[TagSpecification, ...] = structures("TagSpecification", TagSpecification)
    monitoring: Enabled = structure("Monitoring", Enabled)
    hibernation: Enabled = structure("HibernationOptions", Enabled)
    enclave: Enabled = structure("EnclaveOptions", Enabled)
    disable_api_termination: bool = boolean("DisableApiTermination")
    disable_api_stop: bool = boolean("DisableApiStop")
    shutdown_behavior: str = text("InstanceInitiatedShutdownBehavior", default="stop")

    @property
    def instances_changed(self) -> int:
        """As many as it may run."""
        return self.max_count or self.min_count

    async def perform(self, call: Call) -> Payload:
        """The reservation with its instances, which are pending."""
        self._refuse_unsupported()
        checked_shutdown_behavior(self.shutdown_behavior)
        tags = for_new(self.tag_specifications, "instance")
        least, most = self._counts()
        spec = InstanceSpec(
            image_id=self.image_id,
            hardware_profile_id=self.instance_type,
            realm_id=await self._zone(call),
            name=tags.get("Name", ""),
            keyname=self.key_name,
            user_data=_checked_user_data(self.user_data),
            firewall_ids=await self._firewalls(call),
            monitored=self.monitoring.enabled,
        )
        images = await self._check(call, spec)
        around = await surroundings_if_told(call)
        self.stop_if_dry_run()
        order = Order(spec, least, most, self.client_token, tags, self._attributes(spec))
        launched = await call.cloud.launcher.launch(call.principal.credentials, order)
        # Nothing is asked of the backend any more: it could fail, and the client would run what it has once again.
        views = launched.views or await _found_again(call, launched.instance_ids)
        return reservation_item(views, images, call.principal.credentials.user, around)

    def _refuse_unsupported(self) -> None:
        for wanted, what in (
            (self.hibernation.enabled, "hibernation"),
            (self.enclave.enabled, "enclaves"),
            (self.placement.tenancy != "default", f"the tenancy '{shown(self.placement.tenancy)}'"),
        ):
            if wanted:
                raise Unsupported(f"This cloud does not offer {what}.")
        refuse_special(self.network_interfaces, self.block_devices)

    def _attributes(self, spec: InstanceSpec) -> Attributes:
        return Attributes(
            disable_api_termination=self.disable_api_termination,
            disable_api_stop=self.disable_api_stop,
            shutdown_behavior=self.shutdown_behavior,
            monitored=spec.monitored,
            has_user_data=bool(spec.user_data),
        )

    async def _zone(self, call: Call) -> str:
        return await zone_for(call, self.placement.availability_zone, self.subnet_id, self.network_interfaces)

    def _counts(self) -> tuple[int, int]:
        most = self.min_count if self.max_count is None else self.max_count
        if most < self.min_count:
            raise invalid_value("MaxCount", str(most), "It must not be less than MinCount.")
        if self.min_count > MOST_AT_ONCE:
            raise EC2Error("InstanceLimitExceeded", f"At most {MOST_AT_ONCE} instances can be started at once.")
        return self.min_count, min(most, MOST_AT_ONCE)

    async def _firewalls(self, call: Call) -> tuple[str, ...]:
        wanted = tuple(dict.fromkeys(self.security_groups + self.security_group_ids))
        for interface in self.network_interfaces:
            if wanted:
                raise EC2Error(
                    "InvalidParameterCombination",
                    "Network interfaces and an instance-level security groups may not be specified on the same request",
                )
            wanted = tuple(dict.fromkeys(interface.security_group_ids))
        return await firewalls_for(call, wanted) if wanted else ()

    async def _check(self, call: Call, spec: InstanceSpec) -> Images:
        """Say what is wrong with an order before anything is started; the images, by id."""
        credentials, inventory = call.principal.credentials, call.cloud.inventory
        images = (await inventory.images(credentials)).by_id
        if spec.image_id not in images:
            raise NotFound("images", [spec.image_id])
        profiles = (await inventory.hardware_profiles(credentials)).by_id
        if spec.hardware_profile_id and spec.hardware_profile_id not in profiles:
            raise invalid_value("InstanceType", spec.hardware_profile_id)
        if spec.realm_id and spec.realm_id not in (await inventory.realms(credentials)).by_id:
            raise NotFound("realms", [spec.realm_id])
        capabilities = await call.cloud.driver.capabilities(credentials)
        if spec.user_data and not capabilities.has_feature("instances", "user_data"):
            raise Unsupported("This cloud does not take user data.")
        if spec.monitored and not capabilities.has_feature("instances", "metrics"):
            raise Unsupported("This cloud does not offer detailed monitoring.")
        if spec.keyname:
            if not capabilities.has_feature("instances", "authentication_key"):
                raise Unsupported("This cloud does not put key pairs into instances.")
            if all(key.name != spec.keyname for key in (await inventory.keys(credentials)).items):
                raise NotFound("keys", [spec.keyname])
        return images


async def _found_again(call: Call, instance_ids: Iterable[str]) -> Sequence[InstanceView]:
    """What has become of the instances of an earlier request with the same token."""
    by_id = (await call.cloud.lifecycle.roster(call.principal.credentials)).by_id
    found = [by_id[instance_id] for instance_id in instance_ids if instance_id in by_id]
    if not found:
        raise EC2Error(
            "IdempotentInstanceTerminated",
            "The client token is that of an earlier request, whose instances have been terminated.",
        )
    return found


def _checked_user_data(encoded: str) -> str:
    """User data as Deltacloud takes it.

    :param encoded: base64, perhaps in lines (fog ends it with one). A blank is no part of it: it may be what became
        of a '+' that a client did not escape.
    :raises EC2Error: it is not base64, or too long.
    """
    compact = encoded.replace("\r", "").replace("\n", "")
    try:
        decoded = b64decode(compact, validate=True)
    except ValueError:
        raise EC2Error("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.") from None
    if len(decoded) > USER_DATA_BYTES:
        raise EC2Error("InvalidParameterValue", f"User data is limited to {USER_DATA_BYTES} bytes")
    return compact
