"""What is known of a key pair: from the backend, from its private key where that is told, from when it was made."""

import hashlib
from datetime import UTC, datetime

from attrs import frozen

from ec2proxy.cloud.key_origins import KeyOrigin
from ec2proxy.cloud.ledger import Ledger
from ec2proxy.ec2 import key_material
from ec2proxy.ec2.key_material import PublicKey
from ec2proxy.model import KeyPair


@frozen
class KeyFacts:
    """A key pair as EC2 describes it; None is what nobody knows.

    :param public_key: an OpenSSH line.
    """

    id: str
    name: str
    fingerprint: str
    type: str | None
    public_key: str | None
    created: datetime | None


def key_pair_id(name: str) -> str:
    """The EC2 id of a key pair: made up, since Deltacloud has only names, but always the same for a name."""
    return "key-" + hashlib.sha256(name.encode()).hexdigest()[:17]


def facts(key: KeyPair, ledger: Ledger) -> KeyFacts:
    """What is known of ``key``."""
    identifier = key_pair_id(key.name)
    origin = ledger.key_origins.get(identifier)
    if origin is not None and origin.told != key.fingerprint:
        # Somebody else has made another key of that name.
        origin = None
    public = key_material.of_private(key.pem) if key.pem else None
    if public is None and origin is not None and origin.type:
        public = PublicKey(origin.public_key, origin.type, origin.fingerprint)
    return KeyFacts(
        identifier,
        key.name,
        public.fingerprint if public else key.fingerprint,
        public.type if public else None,
        f"{public.line} {key.name}" if public else None,
        datetime.fromtimestamp(origin.at, UTC) if origin else None,
    )


async def remember(ledger: Ledger, key: KeyPair, public: PublicKey | None, at: float) -> None:
    """Remember a key pair that has just been made.

    :param public: its public half; None for that of its private key.
    :param at: epoch seconds.
    """
    public = public or (key_material.of_private(key.pem) if key.pem else None)
    known = (public.line, public.type, public.fingerprint) if public else ("", "", "")
    await ledger.remember_key(key_pair_id(key.name), KeyOrigin(*known, told=key.fingerprint, at=at))
