"""What a backend really has, asked once for all callers."""

from contextlib import suppress

from twisted.internet.defer import Deferred

from ec2proxy.drivers.deltacloud import parse
from ec2proxy.drivers.deltacloud.api import Api
from ec2proxy.errors import Forbidden, Unauthenticated, Unsupported
from ec2proxy.flights import Flight
from ec2proxy.model import Capabilities, Credentials, StateMachine


class KnownCapabilities:
    """The backend's capabilities: the first who ask share one exchange, later callers what it found.

    They are the same for every caller: the server answers its entry point even to wrong credentials (04).
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: Capabilities | None = None
        self._flight: tuple[Credentials, Flight[Capabilities]] | None = None

    async def get(self, credentials: Credentials) -> Capabilities:
        """The capabilities; a failure is not remembered.

        :raises CloudError: the backend could not tell.
        """
        while self._known is None:
            asker, joined = self._join(credentials)
            try:
                self._known = await joined
            except (Unauthenticated, Forbidden):
                # Someone else's credentials were refused; that says nothing about this caller's.
                if asker == credentials:
                    raise
        return self._known

    def _join(self, credentials: Credentials) -> tuple[Credentials, Deferred[Capabilities]]:
        """Whose credentials are tried, and what comes of it."""
        if self._flight is not None and self._flight[1].open:
            asker, flight = self._flight
            return asker, flight.join()
        flight = Flight[Capabilities]()
        self._flight = credentials, flight
        joined = flight.join()
        flight.start(self._ask(credentials))
        return credentials, joined

    async def _ask(self, credentials: Credentials) -> Capabilities:
        entry = await self._api.get(credentials, parse.entry_point)
        states = StateMachine({})
        if "instance_states" in entry.collections:
            with suppress(Unsupported):
                states = await self._api.get(credentials, parse.state_machine, "instance_states")
        return Capabilities(entry.driver, entry.collections, entry.features, states)
