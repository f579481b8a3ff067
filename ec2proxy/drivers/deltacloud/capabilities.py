"""What a backend really has, asked once for all callers."""

from contextlib import suppress

from ec2proxy.drivers.deltacloud import parse
from ec2proxy.drivers.deltacloud.api import Api
from ec2proxy.drivers.deltacloud.single_flight import SingleFlight
from ec2proxy.errors import Forbidden, Unauthenticated, Unsupported
from ec2proxy.model import Capabilities, Credentials, StateMachine


class KnownCapabilities:
    """The backend's capabilities: the first who ask share one exchange, later callers what it found.

    They are the same for every caller: the server answers its entry point even to wrong credentials (04).
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: Capabilities | None = None
        self._flight: tuple[Credentials, SingleFlight[Capabilities]] | None = None

    async def get(self, credentials: Credentials) -> Capabilities:
        """The capabilities; a failure is not remembered.

        :raises CloudError: the backend could not tell.
        """
        while self._known is None:
            asker, flight = self._join(credentials)
            try:
                self._known = await flight.join()
            except (Unauthenticated, Forbidden):
                # Someone else's credentials were refused; that says nothing about this caller's.
                if asker == credentials:
                    raise
        return self._known

    def _join(self, credentials: Credentials) -> tuple[Credentials, SingleFlight[Capabilities]]:
        if self._flight is None:
            self._flight = credentials, SingleFlight(lambda: self._ask(credentials), self._landed)
        return self._flight

    def _landed(self) -> None:
        self._flight = None

    async def _ask(self, credentials: Credentials) -> Capabilities:
        entry = await self._api.get(credentials, parse.entry_point)
        states = StateMachine({})
        if "instance_states" in entry.collections:
            with suppress(Unsupported):
                states = await self._api.get(credentials, parse.state_machine, "instance_states")
        return Capabilities(entry.driver, entry.collections, entry.features, states)
