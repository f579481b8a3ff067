"""What an account is like, and how much it may have."""

from collections.abc import Mapping

from attrs import frozen

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.identity import proved
from ec2proxy.actions.surroundings import read_topology
from ec2proxy.ec2.errors import invalid_value
from ec2proxy.ec2.params import texts
from ec2proxy.ec2.xml import Payload
from ec2proxy.model import Capabilities

# Deltacloud tells no quotas. More than a tool plans for, so that none refuses by itself what the cloud would do.
_MANY_INSTANCES = 1000

# EC2's own, for what the cloud has at all.
_ADDRESSES = 5
_GROUPS_PER_INTERFACE = 5


@frozen
class DescribeAccountAttributes(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAccountAttributes.html"""

    attribute_names: tuple[str, ...] = texts("AttributeName")

    async def perform(self, call: Call) -> Payload:
        """The attributes asked for; all of them if none is named."""
        await proved(call)
        capabilities = await call.cloud.driver.capabilities(call.principal.credentials)
        attributes = _attributes(capabilities, (await read_topology(call)).default.id)
        for name in self.attribute_names:
            if name not in attributes:
                raise invalid_value("AttributeName", name)
        self.stop_if_dry_run()
        return {
            "accountAttributeSet": [
                {"attributeName": name, "attributeValueSet": [{"attributeValue": value}]}
                for name, value in attributes.items()
                if not self.attribute_names or name in self.attribute_names
            ]
        }


def _attributes(capabilities: Capabilities, default_vpc: str) -> Mapping[str, str | int]:
    addresses = _ADDRESSES if "addresses" in capabilities.collections else 0
    # Without firewalls there is the one group that everything is in.
    groups = _GROUPS_PER_INTERFACE if capabilities.has_feature("instances", "firewalls") else 1
    return {
        "supported-platforms": "VPC",
        "vpc-max-security-groups-per-interface": groups,
        "max-elastic-ips": addresses,
        "max-instances": _MANY_INSTANCES,
        "vpc-max-elastic-ips": addresses,
        "default-vpc": default_vpc,
    }
