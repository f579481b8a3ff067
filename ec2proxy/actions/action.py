"""What every EC2 action has in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from attrs import frozen

from ec2proxy.auth.principal import Principal
from ec2proxy.cloud.cloud import Cloud
from ec2proxy.cloud.regions import Regions
from ec2proxy.ec2.errors import EC2Error
from ec2proxy.ec2.paging import Pager
from ec2proxy.ec2.params import boolean
from ec2proxy.ec2.xml import Payload, namespace_of

if TYPE_CHECKING:
    from ec2proxy.actions.fragments import Fragments


@frozen
class Call:
    """Who asks, and what the answer is made from.

    :param cloud: the region's.
    :param regions: all there are.
    :param region: the region's name as the client knows it.
    :param version: the API version that the client named, or None.
    :param host: where the client sent it, as its Host header says; empty if it does not.
    :param path: the path that it sent it to, still percent-encoded.
    :param fragments: what has been written of instances before.
    """

    principal: Principal
    cloud: Cloud
    regions: Regions
    region: str
    version: str | None
    pager: Pager
    fragments: "Fragments"
    host: str = ""
    path: str = "/"


@frozen
class Action(ABC):
    """An EC2 action. The subclass has EC2's name and declares its parameters as fields.

    :cvar ACCEPTED: parameters that are taken and ignored, each with the reason why that is harmless.
    :cvar API: whose action it is.
    :cvar CHANGES: whether it is meant to change the cloud; EC2's verbs tell.
    :cvar POLL: whether its answer may be kept: it is made of nothing but the call, pictures and what is remembered.
    """

    ACCEPTED: ClassVar[Mapping[str, str]] = {}
    API: ClassVar[Literal["ec2", "sts"]] = "ec2"
    CHANGES: ClassVar[bool] = False
    POLL: ClassVar[bool] = False

    dry_run: bool = boolean("DryRun")

    def __init_subclass__(cls) -> None:
        """Tell by its name whether it changes anything, and whether it is a poll unless it says so."""
        cls.CHANGES = not cls.__name__.startswith(("Describe", "Get", "List"))
        if "POLL" not in vars(cls):
            cls.POLL = cls.__name__.startswith("Describe")

    @property
    def instances_changed(self) -> int:
        """How many instances it runs, starts, stops or terminates; EC2 limits how fast that is done."""
        return 0

    @abstractmethod
    async def perform(self, call: Call) -> Payload | None:
        """Do it.

        :returns: the payload of the answer; None for an action that only says ``<return>true</return>``.
        :raises EC2Error: it cannot be done as asked.
        :raises CloudError: the cloud does not do it.
        """

    def namespace(self, call: Call, version: str) -> str:
        """The XML namespace of its answer.

        :param version: the API version to answer in.
        """
        return namespace_of(version)

    def stop_if_dry_run(self) -> None:
        """Go no further if the client only wants to know whether it could.

        :raises EC2Error: ``DryRunOperation``.
        """
        if self.dry_run:
            raise EC2Error("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
