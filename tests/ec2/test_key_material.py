"""Public keys and fingerprints, held to what OpenSSH and OpenSSL make of the same keys."""

import base64
import hashlib
import subprocess
from shutil import which
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric import dsa, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.ec2.key_material import encrypted_for, imported, of_private
from tests.drivers.support import one_key


def line_of(key) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def pem_of(key, form=PrivateFormat.PKCS8) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def material(text) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


class ImportedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.rsa = one_key()
        self.ed25519 = Ed25519PrivateKey.from_private_bytes(b"k" * 32)

    def test_openssh(self) -> None:
        """An OpenSSH line, with a comment and a line's end; base64 in lines, as fog sends it."""
        for key, kind in ((self.rsa, "rsa"), (self.ed25519, "ed25519")):
            line = line_of(key)
            for written in (line, f"{line} me@here\n", f"  {line}"):
                encoded = base64.encodebytes(written.encode()).decode()
                public = imported(encoded)
                self.assertEqual((public.line, public.type), (line, kind))

    def test_other_forms(self) -> None:
        """A DER public key and an SSH2 file are the same key."""
        line = line_of(self.rsa)
        der = self.rsa.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        body = line.split()[1]
        lines = "\n".join(body[start : start + 70] for start in range(0, len(body), 70))
        begin, end = "---- BEGIN SSH2 PUBLIC KEY ----", "---- END SSH2 PUBLIC KEY ----"
        ssh2 = f'{begin}\nComment: "one \\\ntwo"\n{lines}\n{end}\n'
        self.assertEqual(imported(material(der)), imported(material(line)))
        self.assertEqual(imported(material(ssh2)), imported(material(line)))
        self.assertRaises(ValueError, imported, material(ssh2.replace(end, "")))

    def test_fingerprints(self) -> None:
        """MD5 of the DER of an RSA key; of an ED25519 key OpenSSH's SHA-256, with base64's padding."""
        der = self.rsa.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        fingerprint = imported(material(line_of(self.rsa))).fingerprint
        self.assertRegex(fingerprint, r"\A([0-9a-f]{2}:){15}[0-9a-f]{2}\Z")
        self.assertEqual(fingerprint.replace(":", ""), hashlib.md5(der).hexdigest())

    def test_ssh_keygen(self) -> None:
        """ssh-keygen agrees."""
        if not which("ssh-keygen"):
            self.skipTest("there is no ssh-keygen here")
        with TemporaryDirectory() as folder:
            path = f"{folder}/key.pub"
            with open(path, "w") as file:
                file.write(line_of(self.ed25519))
            told = subprocess.run(["ssh-keygen", "-lf", path], capture_output=True, text=True, check=True).stdout
        fingerprint = imported(material(line_of(self.ed25519))).fingerprint
        self.assertIn(f" SHA256:{fingerprint.rstrip('=')} ", told)

    def test_refused(self) -> None:
        """What EC2 does not take."""
        small = generate_private_key(public_exponent=65537, key_size=4104)
        old = dsa.generate_private_key(1024)
        for bad in (
            "",
            "not base64!",
            line_of(self.rsa),
            material(""),
            material("ssh-rsa"),
            material("ssh-rsa AAAA"),
            material("é"),
            material(b"\x30\x03\x02\x01\x01"),
            material(line_of(small)),
            material(old.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
            material(pem_of(self.rsa)),
        ):
            self.assertRaises(ValueError, imported, bad)

    @given(st.one_of(st.binary(max_size=300), st.text(max_size=100).map(str.encode)))
    def test_anything(self, raw: bytes) -> None:
        """Whatever comes is a key or a ValueError."""
        for text in (raw, b"ssh-rsa " + base64.b64encode(raw), b"---- BEGIN SSH2 PUBLIC KEY ----\n" + raw):
            try:
                imported(material(text))
            except ValueError:
                continue


class PrivateTests(SynchronousTestCase):
    def test_public_half(self) -> None:
        """An RSA key's fingerprint is SHA-1 of its PKCS #8 DER, in whichever form it is told."""
        key = one_key()
        der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL, PrivateFormat.OpenSSH):
            public = of_private(pem_of(key, form))
            assert public is not None
            self.assertEqual((public.line, public.type), (line_of(key), "rsa"))
            self.assertEqual(public.fingerprint.replace(":", ""), hashlib.sha1(der).hexdigest())

    def test_ed25519(self) -> None:
        """An ED25519 key has one fingerprint, made or imported."""
        key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
        public = of_private(pem_of(key, PrivateFormat.OpenSSH))
        self.assertEqual(public, imported(material(line_of(key))))

    def test_unknown(self) -> None:
        """What is no such key has no public half."""
        for text in ("", "x", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"):
            self.assertIsNone(of_private(text))
        self.assertIsNone(of_private(pem_of(dsa.generate_private_key(1024))))


class EncryptedTests(SynchronousTestCase):
    def test_round_trip(self) -> None:
        """The holder of the private key reads it, as the aws CLI does."""
        pem = pem_of(one_key())
        encrypted = encrypted_for(pem, "pässword")
        assert encrypted is not None
        key = load_pem_private_key(pem.encode(), None)
        assert isinstance(key, RSAPrivateKey)
        self.assertEqual(key.decrypt(base64.b64decode(encrypted), padding.PKCS1v15()).decode(), "pässword")

    def test_impossible(self) -> None:
        """Without an RSA key, or with too long a secret, there is nothing to show."""
        self.assertIsNone(encrypted_for(pem_of(Ed25519PrivateKey.generate()), "x"))
        self.assertIsNone(encrypted_for(pem_of(one_key()), "x" * 600))
