from attrs import frozen

from ec2proxy.actions.action import Action, Call


@frozen
class DescribeSamples(Action):
    async def perform(self, call: Call) -> None: ...
