"""Stop, start, reboot and terminate."""

from typing import ClassVar

from attrs import frozen

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.chosen import checked
from ec2proxy.actions.instance_items import state_item
from ec2proxy.cloud.planner import Verb
from ec2proxy.cloud.view import InstanceView
from ec2proxy.ec2.errors import EC2Error
from ec2proxy.ec2.params import boolean, texts
from ec2proxy.ec2.xml import Payload


@frozen
class _StateChange(Action):
    """What the three verbs that answer with state changes have in common."""

    VERB: ClassVar[Verb]

    instance_ids: tuple[str, ...] = texts("InstanceId", required=True)

    @property
    def instances_changed(self) -> int:
        """One for each id."""
        return len(self.instance_ids)

    async def perform(self, call: Call) -> Payload:
        """What becomes of each instance, the true previous state included."""
        checked(self.instance_ids)
        lifecycle = call.cloud.lifecycle
        plan = await lifecycle.plan(call.principal.credentials, self.VERB, self.instance_ids)
        for view in plan.affected:
            _refuse_protected(self.VERB, view)
        self.stop_if_dry_run()
        await lifecycle.carry_out(call.principal.credentials, plan)
        return {
            "instancesSet": [
                {
                    "instanceId": change.instance_id,
                    "currentState": state_item(change.current),
                    "previousState": state_item(change.previous),
                }
                for change in plan.changes
            ]
        }


@frozen
class StopInstances(_StateChange):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StopInstances.html"""

    VERB = "stop"
    ACCEPTED = {
        "Force": "how hard a stop is, Deltacloud leaves to the cloud",
        "SkipOsShutdown": "how hard a stop is, Deltacloud leaves to the cloud",
    }

    hibernate: bool = boolean("Hibernate")

    async def perform(self, call: Call) -> Payload:
        """See :class:`_StateChange`."""
        if self.hibernate:
            raise EC2Error("UnsupportedOperation", "This cloud cannot hibernate instances.")
        return await super().perform(call)


@frozen
class StartInstances(_StateChange):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StartInstances.html"""

    VERB = "start"
    ACCEPTED = {"AdditionalInfo": "reserved by EC2, without meaning"}


@frozen
class TerminateInstances(_StateChange):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html"""

    VERB = "terminate"
    ACCEPTED = {
        "Force": "how hard a shutdown is, Deltacloud leaves to the cloud",
        "SkipOsShutdown": "how hard a shutdown is, Deltacloud leaves to the cloud",
    }


@frozen
class RebootInstances(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RebootInstances.html"""

    instance_ids: tuple[str, ...] = texts("InstanceId", required=True)

    async def perform(self, call: Call) -> None:
        """Reboot running instances."""
        checked(self.instance_ids)
        lifecycle, credentials = call.cloud.lifecycle, call.principal.credentials
        await lifecycle.reboot(credentials, self.instance_ids, only_plan=self.dry_run)
        self.stop_if_dry_run()


def _refuse_protected(verb: Verb, view: InstanceView) -> None:
    """Keep to what a client has set of an instance.

    :raises EC2Error: ``OperationNotPermitted``, it is protected from that.
    """
    # What is protected from being stopped is protected from being terminated too: 'Enable stop protection for your
    # EC2 instances' in the EC2 user guide.
    protected = {
        "disableApiTermination": view.attributes.disable_api_termination and verb == "terminate",
        "disableApiStop": view.attributes.disable_api_stop and verb in ("stop", "terminate"),
    }
    for attribute, applies in protected.items():
        if applies:
            done = "terminated" if verb == "terminate" else "stopped"
            raise EC2Error(
                "OperationNotPermitted",
                f"The instance '{view.instance.id}' may not be {done}. Modify its '{attribute}' instance attribute and "
                "try again.",
            )
