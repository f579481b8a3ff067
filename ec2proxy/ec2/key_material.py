"""Public keys and fingerprints as EC2 takes and tells them. Pure.

'Amazon EC2 key pairs and Amazon EC2 instances' and 'Verify the fingerprint of your key pair' in the EC2 user guide.
"""

import base64
import hashlib
from typing import TypeAlias

from attrs import frozen
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
    load_ssh_private_key,
    load_ssh_public_key,
)

# EC2's documentation names 1024, 2048 and 4096; it takes what ssh-keygen makes by default, 3072, too.
_RSA_BITS = range(1024, 4097)
_SSH2_BEGIN, _SSH2_END = "---- BEGIN SSH2 PUBLIC KEY ----", "---- END SSH2 PUBLIC KEY ----"

_Public: TypeAlias = RSAPublicKey | Ed25519PublicKey


@frozen
class PublicKey:
    """A public key that EC2 takes.

    :param line: as OpenSSH writes it, ``ssh-rsa AAAA…``, without a comment.
    :param type: ``rsa`` or ``ed25519``.
    :param fingerprint: what EC2 gives for such a key when it was imported.
    """

    line: str
    type: str
    fingerprint: str


def imported(material: str) -> PublicKey:
    """The public key in ImportKeyPair's ``PublicKeyMaterial``.

    :param material: base64 of an OpenSSH line, of an SSH2 public key file (RFC 4716), or of a DER public key.
    :raises ValueError: it is none of these, or a key that EC2 does not take.
    """
    try:
        raw = base64.b64decode("".join(material.split()), validate=True)
        key = _loaded(raw)
    except UnsupportedAlgorithm as error:
        raise ValueError("the algorithm is not supported") from error
    if isinstance(key, RSAPublicKey) and key.key_size in _RSA_BITS:
        return _public(key)
    if isinstance(key, Ed25519PublicKey):
        return _public(key)
    raise ValueError("neither an RSA key of 1024 to 4096 bits nor an ED25519 key")


def of_private(pem: str) -> PublicKey | None:
    """The public half of a private key; None where that cannot be told.

    Its fingerprint is the one of a key that EC2 made.
    """
    key = _private(pem)
    if isinstance(key, RSAPrivateKey):
        der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        public = _public(key.public_key())
        return PublicKey(public.line, public.type, hashlib.sha1(der, usedforsecurity=False).digest().hex(":"))
    return _public(key.public_key()) if isinstance(key, Ed25519PrivateKey) else None


def encrypted_for(pem: str, secret: str) -> str | None:
    """A secret that only the holder of a private key can read: RSA with PKCS #1 v1.5, base64, as GetPasswordData.

    :returns: None where ``pem`` is no RSA key, or one too small for the secret.
    """
    key = _private(pem)
    raw = secret.encode()
    if not isinstance(key, RSAPrivateKey) or len(raw) > key.key_size // 8 - 11:
        return None
    return base64.b64encode(key.public_key().encrypt(raw, padding.PKCS1v15())).decode()


def _private(pem: str) -> object:
    for load in (load_pem_private_key, load_ssh_private_key):
        try:
            # The backend made it, and nothing is signed with it: the costly check is not needed.
            return load(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
    return None


def _loaded(raw: bytes) -> object:
    if raw[:1] == b"\x30":
        return load_der_public_key(raw)
    text = raw.decode("ascii").strip()
    if text.startswith(_SSH2_BEGIN):
        text = _from_ssh2(text)
    return load_ssh_public_key(text.encode())


def _from_ssh2(text: str) -> str:
    """An SSH2 public key file (RFC 4716) as an OpenSSH line."""
    lines = text.replace("\\\n", "").splitlines()
    if lines[-1].strip() != _SSH2_END:
        raise ValueError("the file has no end")
    body = "".join(line.strip() for line in lines[1:-1] if ":" not in line)
    blob = base64.b64decode(body, validate=True)
    length = int.from_bytes(blob[:4], "big")
    return f"{blob[4 : 4 + length].decode('ascii')} {body}"


def _public(key: _Public) -> PublicKey:
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    if isinstance(key, RSAPublicKey):
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return PublicKey(line, "rsa", hashlib.md5(der, usedforsecurity=False).digest().hex(":"))
    blob = base64.b64decode(line.split()[1])
    return PublicKey(line, "ed25519", base64.b64encode(hashlib.sha256(blob).digest()).decode())
