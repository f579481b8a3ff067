"""What is around Deltacloud's instances: firewalls, networks, subnets, network interfaces, storage volumes."""

from collections.abc import Sequence

from zope.interface import implementer

from ec2proxy.drivers.deltacloud import parse_surroundings as parse
from ec2proxy.drivers.deltacloud.api import Api
from ec2proxy.interfaces import IAddresses, IFirewalls, INetworkInterfaces, INetworks, IStorageVolumes, ISubnets
from ec2proxy.model import Credentials, Firewall, Network, NetworkInterface, PublicAddress, StorageVolume, Subnet


@implementer(IFirewalls)
class Firewalls:
    """The firewalls of a backend."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self, credentials: Credentials) -> Sequence[Firewall]:
        """All firewalls (no recording, but the refusal 72)."""
        return await self._api.list(credentials, parse.firewalls)


@implementer(INetworks)
class Networks:
    """The networks of a backend."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self, credentials: Credentials) -> Sequence[Network]:
        """All networks (69)."""
        return await self._api.list(credentials, parse.networks)


@implementer(ISubnets)
class Subnets:
    """The subnets of a backend."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self, credentials: Credentials) -> Sequence[Subnet]:
        """All subnets (70)."""
        return await self._api.list(credentials, parse.subnets)


@implementer(INetworkInterfaces)
class NetworkInterfaces:
    """The network interfaces of a backend."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self, credentials: Credentials) -> Sequence[NetworkInterface]:
        """All network interfaces (71)."""
        return await self._api.list(credentials, parse.network_interfaces)


@implementer(IStorageVolumes)
class StorageVolumes:
    """The storage volumes of a backend."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self, credentials: Credentials) -> Sequence[StorageVolume]:
        """All storage volumes (59)."""
        return await self._api.list(credentials, parse.storage_volumes)


@implementer(IAddresses)
class Addresses:
    """The public addresses of a backend."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self, credentials: Credentials) -> Sequence[PublicAddress]:
        """All addresses (52)."""
        return await self._api.list(credentials, parse.addresses)
