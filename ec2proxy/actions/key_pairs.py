"""Key pairs, which are Deltacloud's keys."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from attrs import frozen

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.key_facts import KeyFacts, facts, key_pair_id, remember
from ec2proxy.actions.tags import TagSpecification, for_new, tag_set
from ec2proxy.cloud.deferring import shielded
from ec2proxy.cloud.ledger import Ledger
from ec2proxy.cloud.removed import forget_removed
from ec2proxy.ec2 import key_material
from ec2proxy.ec2.errors import EC2Error, invalid_value
from ec2proxy.ec2.filters import matcher
from ec2proxy.ec2.key_material import PublicKey
from ec2proxy.ec2.params import Filter, boolean, structures, text, texts
from ec2proxy.ec2.xml import Payload
from ec2proxy.errors import CloudError, Conflict, NotFound
from ec2proxy.model import KeyPair

_NAME_LENGTH = 255
_MATERIAL_LENGTH = 16384


@frozen
class DescribeKeyPairs(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeKeyPairs.html"""

    key_names: tuple[str, ...] = texts("KeyName")
    key_pair_ids: tuple[str, ...] = texts("KeyPairId")
    filters: tuple[Filter, ...] = structures("Filter", Filter)
    include_public_key: bool = boolean("IncludePublicKey")

    async def perform(self, call: Call) -> Payload:
        """The caller's key pairs, in the backend's order."""
        snapshot = await call.cloud.inventory.keys(call.principal.credentials)
        ledger = await call.cloud.lifecycle.ledger(call.principal.credentials)
        there = {key_pair_id(key.name) for key in snapshot.items}
        await forget_removed(ledger, ledger.key_origins, there, call.cloud.clock.seconds())
        matches = matcher(
            self.filters,
            {
                "fingerprint": lambda key: (key.fingerprint,),
                "key-name": lambda key: (key.name,),
                "key-pair-id": lambda key: (key.id,),
            },
            tags=lambda key: ledger.tags.get(key.id, {}),
        )
        keys = [facts(key, ledger) for key in snapshot.items]
        missing = set(self.key_names) - {key.name for key in keys}
        missing |= set(self.key_pair_ids) - {key.id for key in keys}
        if missing:
            asked = dict.fromkeys(self.key_names + self.key_pair_ids)
            raise NotFound("keys", [each for each in asked if each in missing])
        everything = not self.key_names and not self.key_pair_ids
        self.stop_if_dry_run()
        return {
            "keySet": [
                self._item(key, ledger)
                for key in keys
                if (everything or key.name in self.key_names or key.id in self.key_pair_ids) and matches(key)
            ]
        }

    def _item(self, key: KeyFacts, ledger: Ledger) -> Payload:
        return {
            "keyPairId": key.id,
            "keyType": key.type,
            "tagSet": tag_set(ledger.tags.get(key.id, {})),
            "publicKey": key.public_key if self.include_public_key else None,
            "createTime": key.created,
            "keyName": key.name,
            "keyFingerprint": key.fingerprint,
        }


@frozen
class CreateKeyPair(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateKeyPair.html"""

    key_name: str = text("KeyName", required=True, max_length=_NAME_LENGTH)
    key_type: str = text("KeyType", default="rsa")
    key_format: str = text("KeyFormat", default="pem")
    tag_specifications: tuple[TagSpecification, ...] = structures("TagSpecification", TagSpecification)

    async def perform(self, call: Call) -> Payload:
        """The new key pair with its private key, which is shown only this once."""
        for name, value, known, made in (
            ("KeyType", self.key_type, ("rsa", "ed25519"), "rsa"),
            ("KeyFormat", self.key_format, ("pem", "ppk"), "pem"),
        ):
            if value not in known:
                raise invalid_value(name, value)
            if value != made:
                raise EC2Error("UnsupportedOperation", f"This cloud makes key pairs with {name} {made} only.")
        tags = for_new(self.tag_specifications, "key-pair")
        await _refuse_taken(call, self.key_name)
        self.stop_if_dry_run()
        create = partial(call.cloud.driver.keys.create, call.principal.credentials, self.key_name)
        key, made_item = await shielded(_made(call, self.key_name, create, tags))
        return {**made_item, "keyMaterial": key.pem}


@frozen
class ImportKeyPair(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ImportKeyPair.html"""

    key_name: str = text("KeyName", required=True, max_length=_NAME_LENGTH)
    public_key_material: str = text("PublicKeyMaterial", required=True, max_length=_MATERIAL_LENGTH)
    tag_specifications: tuple[TagSpecification, ...] = structures("TagSpecification", TagSpecification)

    async def perform(self, call: Call) -> Payload:
        """The key pair that the cloud made of a public key."""
        try:
            public = key_material.imported(self.public_key_material)
        except ValueError:
            raise EC2Error("InvalidKey.Format", "Key is not in valid OpenSSH public key format") from None
        tags = for_new(self.tag_specifications, "key-pair")
        await _refuse_taken(call, self.key_name)
        credentials = call.principal.credentials
        if not (await call.cloud.driver.capabilities(credentials)).has_feature("keys", "import_key"):
            raise EC2Error("UnsupportedOperation", "This cloud does not take public keys.")
        self.stop_if_dry_run()
        create = partial(call.cloud.driver.keys.import_key, credentials, self.key_name, public.line)
        _, made_item = await shielded(_made(call, self.key_name, create, tags, public))
        return made_item


async def _refuse_taken(call: Call, name: str) -> None:
    keys = await call.cloud.inventory.keys(call.principal.credentials)
    if any(key.name == name for key in keys.items):
        raise Conflict("keys", name)


async def _made(
    call: Call,
    name: str,
    create: Callable[[], Awaitable[KeyPair]],
    tags: Mapping[str, str],
    public: PublicKey | None = None,
) -> tuple[KeyPair, Payload]:
    """Make a key pair and remember what will not be told again; the key, and EC2's answer.

    :param public: what is imported; None for a key that the cloud is to make.
    """
    credentials = call.principal.credentials
    ledger = await call.cloud.lifecycle.ledger(credentials)
    # That of an earlier key of that name, which somebody else may have deleted.
    await ledger.forget(key_pair_id(name))
    try:
        key = await create()
    except CloudError as error:
        if not error.ambiguous:
            raise
        key = await _lost(call, name, error, imported=public is not None)
    finally:
        call.cloud.inventory.wrote(credentials, "keys")
    await remember(ledger, key, public, call.cloud.clock.seconds())
    if tags:
        await ledger.tag(key_pair_id(name), tags)
    known = facts(key, ledger)
    return key, {
        "keyPairId": known.id,
        "tagSet": tag_set(tags),
        "keyName": key.name,
        "keyFingerprint": known.fingerprint,
    }


async def _lost(call: Call, name: str, error: CloudError, *, imported: bool) -> KeyPair:
    """The key whose creation was not answered.

    :raises CloudError: it is not there, or its private key should be and is not.
    """
    call.cloud.inventory.wrote(call.principal.credentials, "keys")
    for key in (await call.cloud.inventory.keys(call.principal.credentials)).items:
        if key.name == name and (key.pem or imported):
            return key
    raise error


@frozen
class DeleteKeyPair(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteKeyPair.html"""

    key_name: str = text("KeyName", max_length=_NAME_LENGTH)
    key_pair_id: str = text("KeyPairId")

    async def perform(self, call: Call) -> Payload:
        """True, also when there is no such key pair."""
        if bool(self.key_name) == bool(self.key_pair_id):
            code = "InvalidParameterCombination" if self.key_name else "MissingParameter"
            raise EC2Error(code, "The request must contain exactly one of the parameters KeyName and KeyPairId")
        keys = (await call.cloud.inventory.keys(call.principal.credentials)).items
        found = [key for key in keys if self.key_name in ("", key.name) and self._is_id_of(key)]
        self.stop_if_dry_run()
        # The picture may be a moment older than a key that somebody else made: ask the backend all the same.
        for key_id in [key.id for key in found] or [self.key_name]:
            if key_id:
                await shielded(self._destroy(call, key_id))
        name = found[0].name if found else self.key_name
        if name:
            ledger = await call.cloud.lifecycle.ledger(call.principal.credentials)
            await ledger.forget(key_pair_id(name))
        return {"return": True, "keyPairId": key_pair_id(name) if name else None}

    def _is_id_of(self, key: KeyPair) -> bool:
        return self.key_pair_id in ("", key_pair_id(key.name))

    async def _destroy(self, call: Call, key_id: str) -> None:
        credentials = call.principal.credentials
        try:
            await call.cloud.driver.keys.destroy(credentials, key_id)
        except NotFound:
            # As in EC2, deleting what is not there succeeds.
            return
        finally:
            call.cloud.inventory.wrote(credentials, "keys")
