"""A certificate chain and its private key, as they stand in two PEM files."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime

from attrs import field, frozen
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from OpenSSL import SSL, crypto
from twisted.internet.ssl import AcceptableCiphers, CertificateOptions, TLSVersion

from ec2proxy.private import open_to_others

#: What TLS 1.2 may use: an ephemeral key exchange and authenticated encryption (RFC 9325, 4.2). TLS 1.3 has no others.
_CIPHERS = AcceptableCiphers.fromOpenSSLCipherString(
    "TLS13-AES-256-GCM-SHA384:TLS13-CHACHA20-POLY1305-SHA256:TLS13-AES-128-GCM-SHA256:ECDHE+AESGCM:ECDHE+CHACHA20"
)

_Key = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey

Stamp = tuple[tuple[int, ...], ...]
"""What changes when one of the two files does."""


class PairError(Exception):
    """A certificate and its key cannot be used; the message is one line that says which file and why."""


@frozen
class PairFiles:
    """Where a certificate chain and its private key are.

    :param certificate: a PEM file: the server's certificate, then those that lead to its authority.
    :param key: a PEM file with the private key, without a password. It may be the same file.
    """

    certificate: str
    key: str

    def stamp(self) -> Stamp:
        """The files' present identities, of what a symbolic link leads to; empty ones for files that are not there."""
        return tuple(_identity(path) for path in (self.certificate, self.key))

    def load(self) -> "Pair":
        """Read both.

        :raises PairError: one cannot be read, is not what it should be, others can read the key, or it is not the
            certificate's.
        """
        chain = _chain(self.certificate)
        key = _key(self.key)
        form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if key.public_key().public_bytes(*form) != chain[0].public_key().public_bytes(*form):
            raise PairError(f"{self.key}: it is not the key of the certificate in {self.certificate}")
        options = CertificateOptions(
            privateKey=crypto.PKey.from_cryptography_key(key),
            certificate=crypto.X509.from_cryptography(chain[0]),
            extraCertChain=[crypto.X509.from_cryptography(one) for one in chain[1:]],
            raiseMinimumTo=TLSVersion.TLSv1_2,
            acceptableCiphers=_CIPHERS,
            acceptableProtocols=[b"http/1.1"],
        )
        try:
            context = options.getContext()
        except SSL.Error as error:
            raise PairError(f"{self.certificate}: {_reason(error)}") from None
        return Pair(context, chain[0].not_valid_after_utc)


@frozen
class Pair:
    """A certificate and its key, ready to serve.

    :param context: what OpenSSL makes connections from.
    :param until: the end of the certificate's life, an aware time.
    """

    context: SSL.Context = field(repr=False)
    until: datetime

    def days_left(self, now: float) -> float:
        """How many days the certificate is still valid; negative if it has expired.

        :param now: in epoch seconds.
        """
        return (self.until - datetime.fromtimestamp(now, UTC)).total_seconds() / 86400


def _identity(path: str) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _chain(path: str) -> Sequence[x509.Certificate]:
    try:
        with open(path, "rb") as stream:
            return x509.load_pem_x509_certificates(stream.read())
    except OSError as error:
        raise PairError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise PairError(f"{path}: there is no PEM certificate in it") from None


def _key(path: str) -> _Key:
    try:
        with open(path, "rb") as stream:
            # Of the open file: another could take its name's place between a look and a read.
            others = open_to_others(os.fstat(stream.fileno()))
            key = load_pem_private_key(stream.read(), None)
    except OSError as error:
        raise PairError(f"{path}: {error.strerror}") from None
    except TypeError:
        raise PairError(f"{path}: the key has a password, which nobody is there to type") from None
    except (ValueError, UnsupportedAlgorithm):
        raise PairError(f"{path}: there is no PEM private key in it") from None
    if others:
        raise PairError(f"{path}: others than its owner have access to it; chmod 600 it")
    if not isinstance(key, _Key):
        raise PairError(f"{path}: the key is neither RSA nor EC nor Ed25519")
    return key


def _reason(error: SSL.Error) -> str:
    """OpenSSL's own words for the first thing that it found wrong."""
    return str(error.args[0][0][2]) if error.args and error.args[0] else "OpenSSL does not take it"
