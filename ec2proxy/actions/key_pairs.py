"""Key pairs, which are Deltacloud's keys."""

import hashlib
from collections.abc import Mapping

from attrs import frozen

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.tags import TagSpecification, for_new, tag_set
from ec2proxy.cloud.deferring import shielded
from ec2proxy.ec2.errors import EC2Error, invalid_value
from ec2proxy.ec2.filters import matcher
from ec2proxy.ec2.params import Filter, structures, text, texts
from ec2proxy.ec2.xml import Payload
from ec2proxy.errors import CloudError, Conflict, NotFound
from ec2proxy.model import KeyPair

_NAME_LENGTH = 255


@frozen
class DescribeKeyPairs(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeKeyPairs.html"""

    ACCEPTED = {"IncludePublicKey": "Deltacloud gives no public keys, and EC2 leaves out those it does not know"}

    key_names: tuple[str, ...] = texts("KeyName")
    key_pair_ids: tuple[str, ...] = texts("KeyPairId")
    filters: tuple[Filter, ...] = structures("Filter", Filter)

    async def perform(self, call: Call) -> Payload:
        """The caller's key pairs, in the backend's order."""
        ledger = await call.cloud.lifecycle.ledger(call.principal.credentials)
        matches = matcher(
            self.filters,
            {
                "fingerprint": lambda key: (key.fingerprint,),
                "key-name": lambda key: (key.name,),
                "key-pair-id": lambda key: (key_pair_id(key.name),),
            },
            tags=lambda key: ledger.tags.get(key_pair_id(key.name), {}),
        )
        keys = (await call.cloud.inventory.keys(call.principal.credentials)).items
        missing = set(self.key_names) - {key.name for key in keys}
        missing |= set(self.key_pair_ids) - {key_pair_id(key.name) for key in keys}
        if missing:
            asked = dict.fromkeys(self.key_names + self.key_pair_ids)
            raise NotFound("keys", [each for each in asked if each in missing])
        everything = not self.key_names and not self.key_pair_ids
        self.stop_if_dry_run()
        return {
            "keySet": [
                {
                    "keyPairId": key_pair_id(key.name),
                    "keyType": _key_type(key),
                    "tagSet": tag_set(ledger.tags.get(key_pair_id(key.name), {})),
                    "keyName": key.name,
                    "keyFingerprint": key.fingerprint,
                }
                for key in keys
                if (everything or key.name in self.key_names or key_pair_id(key.name) in self.key_pair_ids)
                and matches(key)
            ]
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
        keys = await call.cloud.inventory.keys(call.principal.credentials)
        if any(key.name == self.key_name for key in keys.items):
            raise Conflict("keys", self.key_name)
        self.stop_if_dry_run()
        key = await shielded(self._create(call, tags))
        return {
            "keyPairId": key_pair_id(key.name),
            "tagSet": tag_set(tags),
            "keyName": key.name,
            "keyFingerprint": key.fingerprint,
            "keyMaterial": key.pem,
        }

    async def _create(self, call: Call, tags: Mapping[str, str]) -> KeyPair:
        credentials = call.principal.credentials
        ledger = await call.cloud.lifecycle.ledger(credentials)
        # Those of an earlier key of that name, which somebody else may have deleted.
        await ledger.forget(key_pair_id(self.key_name))
        try:
            key: KeyPair = await call.cloud.driver.keys.create(credentials, self.key_name)
        except CloudError as error:
            if not error.ambiguous:
                raise
            key = await self._lost(call, error)
        finally:
            call.cloud.inventory.wrote(credentials, "keys")
        if tags:
            await ledger.tag(key_pair_id(key.name), tags)
        return key

    async def _lost(self, call: Call, error: CloudError) -> KeyPair:
        """The key whose creation was not answered.

        :raises CloudError: it is not there, or its private key is not.
        """
        call.cloud.inventory.wrote(call.principal.credentials, "keys")
        for key in (await call.cloud.inventory.keys(call.principal.credentials)).items:
            if key.name == self.key_name and key.pem:
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


def key_pair_id(name: str) -> str:
    """The EC2 id of a key pair: made up, since Deltacloud has only names, but always the same for a name."""
    return "key-" + hashlib.sha256(name.encode()).hexdigest()[:17]


def _key_type(key: KeyPair) -> str | None:
    """``rsa`` where the private key says so; None where it is not known."""
    return "rsa" if "RSA PRIVATE KEY" in key.pem[:64] else None
