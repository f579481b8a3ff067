"""GetPasswordData."""

from attrs import frozen

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.chosen import instances_of
from ec2proxy.ec2.key_material import encrypted_for
from ec2proxy.ec2.params import text
from ec2proxy.ec2.xml import Payload
from ec2proxy.errors import Unsupported
from ec2proxy.model import Instance


@frozen
class GetPasswordData(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetPasswordData.html"""

    instance_id: str = text("InstanceId", required=True)

    async def perform(self, call: Call) -> Payload:
        """The password that the cloud gave an instance, for the holder of its key pair; empty where it gave none."""
        (view,) = await instances_of(call, [self.instance_id])
        data = await _encrypted(call, view.instance) if view.instance.password else ""
        self.stop_if_dry_run()
        return {"instanceId": view.instance.id, "timestamp": view.launch_time, "passwordData": data}


async def _encrypted(call: Call, instance: Instance) -> str:
    """An instance's password, encrypted with its key pair's public key.

    :raises Unsupported: that is not known. The password is never told plainly, as a client would not expect it.
    """
    if instance.keyname:
        for key in (await call.cloud.inventory.keys(call.principal.credentials)).items:
            encrypted = encrypted_for(key.pem, instance.password) if key.name == instance.keyname else None
            if encrypted is not None:
                return encrypted
    raise Unsupported("The cloud does not tell the key pair to encrypt the password of this instance with.")
