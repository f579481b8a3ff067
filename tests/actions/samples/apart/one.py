from abc import abstractmethod

from attrs import frozen

from ec2proxy.actions.action import Action, Call


@frozen
class _Shared(Action):
    async def perform(self, call: Call) -> None: ...


@frozen
class Unfinished(Action):
    @abstractmethod
    def more(self) -> None: ...


@frozen
class DescribeSamples(_Shared):
    more: str = ""
