"""DescribeInstanceStatus, and what else there is to watch of an instance."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.chosen import instances_of, refuse_ids_with_pages
from ec2proxy.actions.instance_items import monitoring_state, state_item
from ec2proxy.actions.unshown import unshown
from ec2proxy.cloud.view import InstanceView
from ec2proxy.ec2 import states
from ec2proxy.ec2.filters import matcher
from ec2proxy.ec2.paging import fingerprint
from ec2proxy.ec2.params import Filter, boolean, integer, structures, text, texts
from ec2proxy.ec2.xml import Payload
from ec2proxy.errors import Unsupported


@frozen
class DescribeInstanceStatus(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html"""

    ACCEPTED = {"IncludeManagedResources": "no instance is managed by another service"}

    instance_ids: tuple[str, ...] = texts("InstanceId")
    filters: tuple[Filter, ...] = structures("Filter", Filter)
    include_all_instances: bool = boolean("IncludeAllInstances")
    max_results: int | None = integer("MaxResults", minimum=5, maximum=1000)
    next_token: str = text("NextToken")

    async def perform(self, call: Call) -> Payload:
        """The status of running instances, or of all."""
        refuse_ids_with_pages(self.instance_ids, self.max_results)
        matches = matcher(self.filters, _FILTERS)
        found = [
            view
            for view in await instances_of(call, self.instance_ids)
            if (self.include_all_instances or view.state is states.RUNNING) and matches(view)
        ]
        self.stop_if_dry_run()
        asked = fingerprint(
            "DescribeInstanceStatus",
            call.region,
            call.principal.credentials.user,
            self.instance_ids,
            self.filters,
            self.include_all_instances,
        )
        most = 1000 if self.next_token and self.max_results is None else self.max_results
        found, token = call.pager.page(found, lambda view: view.instance.id, most, self.next_token, asked)
        return {"instanceStatusSet": [_status_item(view) for view in found], "nextToken": token}


@frozen
class DescribeInstanceCreditSpecifications(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceCreditSpecifications.html"""

    instance_ids: tuple[str, ...] = texts("InstanceId")
    filters: tuple[Filter, ...] = structures("Filter", Filter)
    max_results: int | None = integer("MaxResults", minimum=5, maximum=1000)
    next_token: str = text("NextToken")

    async def perform(self, call: Call) -> Payload:
        """None: no Deltacloud instance runs on credits, and as in EC2 asking for those of such a one is an error."""
        refuse_ids_with_pages(self.instance_ids, self.max_results)
        matcher(self.filters, {"instance-id": lambda view: (view.instance.id,)})
        if self.instance_ids:
            await instances_of(call, self.instance_ids)
            raise Unsupported("The instances are not burstable performance instances.")
        asked = fingerprint("DescribeInstanceCreditSpecifications", call.region, self.filters)
        call.pager.page([], str, self.max_results, self.next_token, asked)
        self.stop_if_dry_run()
        return {"instanceCreditSpecificationSet": []}


@frozen
class MonitorInstances(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_MonitorInstances.html"""

    instance_ids: tuple[str, ...] = texts("InstanceId", required=True)

    async def perform(self, call: Call) -> Payload:
        """Enabled, for instances that were launched with detailed monitoring: Deltacloud has no other moment for it."""
        views = await instances_of(call, self.instance_ids)
        if not all(view.attributes.monitored for view in views):
            raise Unsupported("This cloud can switch detailed monitoring on only when an instance is launched.")
        self.stop_if_dry_run()
        return {"instancesSet": [_monitoring_item(view) for view in views]}


@frozen
class UnmonitorInstances(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UnmonitorInstances.html"""

    instance_ids: tuple[str, ...] = texts("InstanceId", required=True)

    async def perform(self, call: Call) -> Payload:
        """Disabled, for instances that are not monitored: Deltacloud cannot switch it off."""
        views = await instances_of(call, self.instance_ids)
        if any(view.attributes.monitored for view in views):
            raise Unsupported("This cloud cannot switch detailed monitoring off.")
        self.stop_if_dry_run()
        return {"instancesSet": [_monitoring_item(view) for view in views]}


def _monitoring_item(view: InstanceView) -> Payload:
    return {"instanceId": view.instance.id, "monitoring": {"state": monitoring_state(view)}}


def _status(view: InstanceView) -> str:
    return "ok" if view.state is states.RUNNING else "not-applicable"


def _reachability(view: InstanceView) -> tuple[str, ...]:
    return ("passed",) if view.state is states.RUNNING else ()


def _summary(view: InstanceView) -> Payload:
    # Deltacloud checks nothing: that the cloud calls an instance running is all that is known of it.
    details = [{"name": "reachability", "status": status} for status in _reachability(view)]
    return {"status": _status(view), "details": details or None}


def _status_item(view: InstanceView) -> Payload:
    return {
        "instanceId": view.instance.id,
        "availabilityZone": view.instance.realm_id or None,
        "availabilityZoneId": view.instance.realm_id or None,
        "eventsSet": [],
        "instanceState": state_item(view.state),
        "systemStatus": _summary(view),
        "instanceStatus": _summary(view),
    }


_FILTERS: Mapping[str, Any] = {
    **unshown("DescribeInstanceStatus"),
    "availability-zone": lambda view: (view.instance.realm_id,),
    "availability-zone-id": lambda view: (view.instance.realm_id,),
    "instance-state-code": lambda view: (str(view.state.code),),
    "instance-state-name": lambda view: (view.state.name,),
    "instance-status.reachability": _reachability,
    "instance-status.status": lambda view: (_status(view),),
    "system-status.reachability": _reachability,
    "system-status.status": lambda view: (_status(view),),
}
