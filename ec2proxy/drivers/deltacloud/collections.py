"""Deltacloud's realms, images, hardware profiles and keys."""

from collections.abc import Sequence

from zope.interface import implementer

from ec2proxy.drivers.deltacloud import parse
from ec2proxy.drivers.deltacloud.api import Api, is_success, read_change
from ec2proxy.drivers.deltacloud.capabilities import KnownCapabilities
from ec2proxy.drivers.deltacloud.refusals import Asked, name_taken, refusal, taken
from ec2proxy.errors import NotFound, Unsupported
from ec2proxy.interfaces import IHardwareProfiles, IImages, IKeyPairs, IRealms
from ec2proxy.model import Credentials, HardwareProfile, Image, KeyPair, Realm


@implementer(IRealms)
class Realms:
    """The realms of a backend."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self, credentials: Credentials) -> Sequence[Realm]:
        """All realms (recording 05)."""
        return await self._api.list(credentials, parse.realms)


@implementer(IHardwareProfiles)
class HardwareProfiles:
    """The hardware profiles of a backend."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self, credentials: Credentials) -> Sequence[HardwareProfile]:
        """All hardware profiles (16)."""
        return await self._api.list(credentials, parse.hardware_profiles)


# Of images, the server says `transient` where a driver says nothing (models/image.rb), and this one alone does not.
_KNOWING_ROOTS = frozenset(("ec2",))


@implementer(IImages)
class Images:
    """The images of a backend."""

    def __init__(self, api: Api, capabilities: KnownCapabilities) -> None:
        self._api = api
        self._capabilities = capabilities

    async def list(self, credentials: Credentials) -> Sequence[Image]:
        """All images (12)."""
        knows_roots = (await self._capabilities.get(credentials)).driver in _KNOWING_ROOTS
        return await self._api.list(credentials, parse.images if knows_roots else parse.images_without_root)

    async def create(self, credentials: Credentials, instance_id: str, name: str, description: str) -> Image:
        """Make an image of an instance (47). A backend answers an unknown instance as it likes, even with 500."""
        form = [("instance_id", instance_id), ("name", name), ("description", description)]
        answer = await self._api.change(credentials, "POST", ("images",), [field for field in form if field[1]])
        if is_success(answer):
            return read_change(answer, parse.image_document)
        if name_taken(answer):
            raise taken("images", name, answer)
        if answer.status in (400, 403, 404, 500) and await self._api.is_gone(credentials, "instances", instance_id):
            raise NotFound("instances", [instance_id])
        raise refusal(Asked("images", changing=True), answer)

    async def destroy(self, credentials: Credentials, image_id: str) -> None:
        """Destroy an image (48)."""
        await self._api.destroy(credentials, "images", image_id)


@implementer(IKeyPairs)
class KeyPairs:
    """The key pairs of a backend."""

    def __init__(self, api: Api, capabilities: KnownCapabilities) -> None:
        self._api = api
        self._capabilities = capabilities

    async def list(self, credentials: Credentials) -> Sequence[KeyPair]:
        """All key pairs (20)."""
        return await self._api.list(credentials, parse.keys)

    async def create(self, credentials: Credentials, name: str) -> KeyPair:
        """Make a key pair (21, 23)."""
        return await self._made(credentials, name, [("name", name)])

    async def import_key(self, credentials: Credentials, name: str, public_key: str) -> KeyPair:
        """Make a key pair of a public key: the parameter ``public_key`` of the feature ``import_key``."""
        capabilities = await self._capabilities.get(credentials)
        if not capabilities.has_feature("keys", "import_key"):
            raise Unsupported("this backend takes no public keys")
        return await self._made(credentials, name, [("name", name), ("public_key", public_key)])

    async def _made(self, credentials: Credentials, name: str, form: Sequence[tuple[str, str]]) -> KeyPair:
        answer = await self._api.change(credentials, "POST", ("keys",), form)
        if is_success(answer):
            return read_change(answer, parse.key_document)
        raise taken("keys", name, answer) if name_taken(answer) else refusal(Asked("keys", changing=True), answer)

    async def destroy(self, credentials: Credentials, key_id: str) -> None:
        """Destroy a key pair (25, 26)."""
        await self._api.destroy(credentials, "keys", key_id)
