"""The Deltacloud driver: one backend and its collections."""

from twisted.internet.interfaces import IReactorTime
from twisted.plugin import IPlugin
from twisted.web.iweb import IAgent
from zope.interface import implementer

from ec2proxy.drivers.deltacloud.api import Api
from ec2proxy.drivers.deltacloud.capabilities import KnownCapabilities
from ec2proxy.drivers.deltacloud.collections import HardwareProfiles, Images, KeyPairs, Realms
from ec2proxy.drivers.deltacloud.instances import Instances
from ec2proxy.drivers.deltacloud.lists import Lists
from ec2proxy.drivers.deltacloud.surroundings import (
    Addresses,
    Firewalls,
    NetworkInterfaces,
    Networks,
    StorageVolumes,
    Subnets,
)
from ec2proxy.drivers.deltacloud.transport import Transport
from ec2proxy.interfaces import ICloudDriver, IDriverFactory
from ec2proxy.model import Backend, Capabilities, Credentials


@implementer(ICloudDriver)
class DeltacloudDriver:
    """One cloud behind a Deltacloud server."""

    def __init__(self, transport: Transport, lists: Lists) -> None:
        api = Api(transport, lists)
        self._transport = transport
        self._capabilities = KnownCapabilities(api)
        self.realms = Realms(api)
        self.images = Images(api, self._capabilities)
        self.instances = Instances(api, self._capabilities)
        self.keys = KeyPairs(api, self._capabilities)
        self.hardware_profiles = HardwareProfiles(api)
        self.firewalls = Firewalls(api)
        self.networks = Networks(api)
        self.subnets = Subnets(api)
        self.network_interfaces = NetworkInterfaces(api)
        self.storage_volumes = StorageVolumes(api)
        self.addresses = Addresses(api)

    async def capabilities(self, credentials: Credentials) -> Capabilities:
        """What this backend really has (recordings 01, 19)."""
        return await self._capabilities.get(credentials)

    async def close(self) -> None:
        """Close idle connections."""
        await self._transport.close()


@implementer(IPlugin, IDriverFactory)
class DeltacloudFactory:
    """Makes drivers for the URLs of Deltacloud servers."""

    name = "deltacloud"
    schemes = frozenset(("http", "https"))

    def driver(self, backend: Backend, reactor: IReactorTime, agent: IAgent | None) -> ICloudDriver:
        """Make a driver; nothing is sent yet.

        :raises ValueError: the backend's URL, driver or provider cannot be used.
        """
        return DeltacloudDriver(Transport(backend, reactor, agent), Lists(reactor, backend.memory))
