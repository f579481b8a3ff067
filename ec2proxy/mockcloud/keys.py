"""The key pairs of the mock cloud: real RSA keys with true fingerprints."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_public_key,
)

from ec2proxy.mockcloud.data import TEST_KEY
from ec2proxy.mockcloud.things import Fault, Key

MakeKey = Callable[[], rsa.RSAPrivateKey]
"""How a private key is made."""


def make_rsa_key() -> rsa.RSAPrivateKey:
    """A fresh RSA key of 2048 bits; takes about 0.1 s of CPU."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


# One for the process: the mock clouds of a whole test run then cost one key, and none if nobody asks.
_shared_key = cache(make_rsa_key)


def _colons(digest: bytes) -> str:
    return digest.hex(":")


def private_fingerprint(key: rsa.RSAPrivateKey) -> str:
    """What EC2 gives for a key that it made: SHA-1 of the private key's PKCS#8 DER (EC2's ``KeyPairInfo``)."""
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return _colons(hashlib.sha1(der, usedforsecurity=False).digest())


def public_fingerprint(material: str) -> str:
    """What EC2 gives for a key that was imported: MD5 of the public key's DER.

    :param material: an OpenSSH public key line, plain or once more in base64, as EC2 clients send it.
    :raises Fault: it is neither.
    """
    try:
        line = material.encode() if " " in material else base64.b64decode(material, validate=True)
        key = load_ssh_public_key(line)
    except (ValueError, UnsupportedAlgorithm, binascii.Error):
        raise Fault(400, "The public key is not valid", raised=True) from None
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return _colons(hashlib.md5(der, usedforsecurity=False).digest())


def key_pair(name: str, owner: str, private: rsa.RSAPrivateKey) -> Key:
    """The key pair ``name`` of ``owner``, with its private key in the traditional PEM format."""
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return Key(name, owner, private_fingerprint(private), pem.decode())


class Keys(Mapping[str, Key]):
    """The key pairs by name. A name is unique in the whole cloud; each user sees his own.

    :param owner: whose the key pair ``test-key`` is, that is there from the start.
    :param make_key: how private keys are made.
    """

    def __init__(self, owner: str, make_key: MakeKey) -> None:
        # test-key is made when it is first looked at.
        self._keys: dict[str, Key | None] = {TEST_KEY: None}
        self._owner = owner
        self.make_key = make_key

    def __getitem__(self, name: str) -> Key:
        key = self._keys[name]
        if key is None:
            private = _shared_key() if self.make_key is make_rsa_key else self.make_key()
            key = self._keys[name] = key_pair(name, self._owner, private)
        return key

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def of(self, owner: str) -> list[Key]:
        """The key pairs of one user."""
        return [key for key in self.values() if key.owner_id == owner]

    def check_free(self, name: str) -> None:
        """See that ``name`` can be given (recording 23).

        :raises Fault: it is taken.
        """
        if name in self._keys:
            raise Fault(403, "Key with same name already exists", raised=True)

    def add(self, key: Key) -> Key:
        """Take in a key pair.

        :raises Fault: its name is taken.
        """
        self.check_free(key.id)
        self._keys[key.id] = key
        return key

    def remove(self, owner: str, name: str) -> None:
        """Destroy a key pair.

        :raises Fault: there is no such key pair (a crash of the driver, recording 26).
        """
        if name not in self or self[name].owner_id != owner:
            spot = "\n\n      @client.destroy(:keys, key.id)\n                                ^^^"
            raise Fault(500, f"undefined method `id' for nil:NilClass{spot}", raised=True)
        del self._keys[name]
