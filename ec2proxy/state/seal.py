"""Secrets that rest in a state store: sealed with AES-256-GCM, by a key that is kept in a file of its own."""

import hmac
import os
from base64 import b64decode, urlsafe_b64encode
from pathlib import Path
from tempfile import mkstemp

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from zope.interface import implementer

from ec2proxy.interfaces import ISeal
from ec2proxy.private import open_to_others
from ec2proxy.state.errors import StateError

KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = "1."


@implementer(ISeal)
class Seal:
    """An :class:`ISeal` with one key.

    :param key: 32 random bytes. A nonce is random too, which is safe for 2**32 secrets under one key.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._key = key

    def seal(self, secret: bytes, place: str) -> str:
        """See :meth:`ISeal.seal`."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, secret, _place(place))).decode()

    def derived(self, purpose: str) -> bytes:
        """See :meth:`ISeal.derived`."""
        return hmac.digest(self._key, purpose.encode(), "sha256")

    def unseal(self, sealed: str, place: str) -> bytes:
        """See :meth:`ISeal.unseal`."""
        version, text = sealed[: len(_VERSION)], sealed[len(_VERSION) :]
        if version != _VERSION:
            raise ValueError("it is not sealed in a way that is known here")
        # Bad base64 is a ValueError of its own, and so is one that is too short for a nonce.
        mixed = _decode(text)
        try:
            return self._cipher.decrypt(mixed[:_NONCE_BYTES], mixed[_NONCE_BYTES:], _place(place))
        except InvalidTag:
            raise ValueError("it was sealed with another key or for another place, or is damaged") from None


def _decode(text: str | bytes) -> bytes:
    return b64decode(text, altchars=b"-_", validate=True)


def _place(place: str) -> bytes:
    return place.encode("utf-8", "surrogatepass")


def key_in(path: Path) -> bytes:
    """The key in a file, which is made, for its owner's eyes only, if it is not there.

    :raises StateError: the file cannot be used, or others can read it.
    """
    try:
        if not path.exists():
            _make(path)
        with path.open("rb") as file:
            others = open_to_others(os.fstat(file.fileno()))
            text = file.read(1024)
    except OSError as error:
        raise StateError(f"cannot use the key file {path}: {error.strerror}") from None
    if others:
        raise StateError(f"others can read the key file {path}: chmod 600 it")
    try:
        key = _decode(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise StateError(f"the key file {path} does not hold a key: {KEY_BYTES} bytes in URL-safe base64")
    return key


def _make(path: Path) -> None:
    """Make a key file; one that another process makes meanwhile stays.

    A name is given to the file once it is whole and on the disk, so a crash leaves no half of a key.
    """
    # Readable by its owner only, and of a name that no other machine takes.
    descriptor, new = mkstemp(prefix=path.name, dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(urlsafe_b64encode(os.urandom(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(descriptor)
        # Unlike a rename, a link does not replace what is there.
        os.link(new, path)
        sync_folder(path)
    except FileExistsError:
        pass
    finally:
        os.unlink(new)


def sync_folder(path: Path) -> None:
    """Put the name of a new file on the disk: what is in the file is not safe before.

    :raises OSError: the disk fails.
    """
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
