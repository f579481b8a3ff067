"""ImportKeyPair, GetPasswordData, and what is known of key pairs."""

from base64 import b64decode, b64encode
from typing import Any

from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from twisted.internet.defer import Deferred

from ec2proxy.ec2.key_material import imported
from tests.actions.support import ActionTestCase
from tests.drivers.support import one_key

RSA = one_key().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
ED25519 = (
    Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    .public_key()
    .public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    .decode()
)
TAGS = [{"ResourceType": "key-pair", "Tags": [{"Key": "team", "Value": "é"}]}]


class KeyTestCase(ActionTestCase):
    def shown(self, name: str, **params: Any) -> dict[str, Any]:
        """A key pair as DescribeKeyPairs tells it."""
        (key,) = self.call("DescribeKeyPairs", KeyNames=[name], **params)["KeyPairs"]
        found: dict[str, Any] = key
        return found


class ImportTests(KeyTestCase):
    def setUp(self) -> None:
        self.make(features=["import_key"])

    def test_imported(self) -> None:
        """Its fingerprint is EC2's; type, public key and time are remembered, also over a restart."""
        for line, kind in ((RSA, "rsa"), (ED25519, "ed25519")):
            made = self.call(
                "ImportKeyPair", KeyName=kind, PublicKeyMaterial=f"{line} me@here\n".encode(), TagSpecifications=TAGS
            )
            when = self.clock.seconds()
            self.later(100)
            self.restart()
            shown = self.shown(kind, IncludePublicKey=True)
            self.assertEqual(shown.pop("CreateTime").timestamp(), when)
            self.assertEqual(shown.pop("PublicKey"), f"{line} {kind}")
            self.assertEqual(shown, {**made, "KeyType": kind})
            self.assertEqual(made["Tags"], TAGS[0]["Tags"])
            self.assertEqual(made["KeyFingerprint"], imported(b64encode(line.encode()).decode()).fingerprint)
        self.assertNotIn("PublicKey", self.shown("rsa"))

    def test_removed_by_others(self) -> None:
        """Where a key came from is forgotten when it has not been there for an hour."""
        self.call("ImportKeyPair", KeyName="k", PublicKeyMaterial=RSA.encode())
        self.mock.keys.remove("mockuser", "k")
        for seconds, kept in ((2, 1), (3500, 1), (200, 0)):
            self.later(seconds, step=60)
            self.call("DescribeKeyPairs")
            items = Deferred.fromCoroutine(self.store.items("deltacloud/mockuser", "key"))
            self.assertEqual(len(self.successResultOf(items)), kept)

    def test_no_fingerprint(self) -> None:
        """Where the cloud gives no fingerprint, EC2's is told."""
        self.call("ImportKeyPair", KeyName="k", PublicKeyMaterial=ED25519.encode())
        key = self.mock.keys["k"]
        self.mock.keys.remove("mockuser", "k")
        self.mock.trouble.answer(201, b"<key id='k'><name>k</name></key>", method="POST")
        made = self.call("ImportKeyPair", KeyName="k", PublicKeyMaterial=ED25519.encode())
        self.mock.keys.add(evolve(key, fingerprint=""))
        self.assertEqual(made["KeyFingerprint"], imported(b64encode(ED25519.encode()).decode()).fingerprint)
        self.assertEqual(self.shown("k")["KeyFingerprint"], made["KeyFingerprint"])

    def test_another_of_that_name(self) -> None:
        """What was remembered is not told of a key that somebody else made since."""
        self.call("ImportKeyPair", KeyName="k", PublicKeyMaterial=ED25519.encode())
        key = self.mock.keys["k"]
        self.mock.keys.remove("mockuser", "k")
        self.mock.keys.add(evolve(key, fingerprint="aa:bb"))
        self.later(2)
        shown = self.shown("k", IncludePublicKey=True)
        self.assertEqual((set(shown) & {"PublicKey", "CreateTime", "KeyType"}), set())
        self.assertEqual(shown["KeyFingerprint"], "aa:bb")

    def test_refused(self) -> None:
        """Malformed material, a name that is taken, a cloud that cannot."""
        good = {"KeyName": "k", "PublicKeyMaterial": RSA.encode()}
        for code, params in (
            ("InvalidKey.Format", {"PublicKeyMaterial": b"ssh-rsa nonsense"}),
            ("InvalidKey.Format", {"PublicKeyMaterial": RSA[:-20].encode()}),
            ("InvalidKeyPair.Duplicate", {"KeyName": "test-key"}),
            ("InvalidParameterValue", {"KeyName": "k" * 256}),
            ("InvalidParameterValue", {"TagSpecifications": [{"ResourceType": "instance"}]}),
        ):
            self.refused(code, "ImportKeyPair", **{**good, **params})
        self.make()
        self.refused("UnsupportedOperation", "ImportKeyPair", **good)
        self.assertEqual(self.changes(), [])

    def test_answer_lost(self) -> None:
        """A key whose import was not answered is found; one that is not there is not."""
        self.mock.trouble.lose_answer(method="POST")
        made = self.call("ImportKeyPair", KeyName="k", PublicKeyMaterial=RSA.encode())
        self.assertEqual(self.shown("k")["KeyPairId"], made["KeyPairId"])
        self.mock.trouble.answer(502, b"", method="POST")
        self.refused("Unavailable", "ImportKeyPair", status=503, KeyName="x", PublicKeyMaterial=RSA.encode())


class PublicKeyTests(KeyTestCase):
    def test_of_private(self) -> None:
        """Where the cloud tells the private key, the public one is known, whoever made it."""
        shown = self.shown("test-key", IncludePublicKey=True)
        self.assertEqual((shown["PublicKey"], shown["KeyType"]), (f"{RSA} test-key", "rsa"))
        self.assertNotIn("CreateTime", shown)


class PasswordTests(KeyTestCase):
    def setUp(self) -> None:
        self.make(features=["authentication_password"])

    def password_data(self, instance_id: str) -> dict[str, Any]:
        """What GetPasswordData answers."""
        return self.call("GetPasswordData", InstanceId=instance_id)

    def test_encrypted(self) -> None:
        """Only the holder of the key pair can read it."""
        made = self.call("CreateKeyPair", KeyName="k")
        instance_id = self.run_one(KeyName="k")["InstanceId"]
        answer = self.password_data(instance_id)
        self.assertEqual((answer["InstanceId"], answer["Timestamp"].timestamp()), (instance_id, self.clock.seconds()))
        key = load_pem_private_key(made["KeyMaterial"].encode(), None)
        assert isinstance(key, RSAPrivateKey)
        password = key.decrypt(b64decode(answer["PasswordData"]), padding.PKCS1v15()).decode()
        self.assertEqual(password, self.mock.instances[instance_id].password)

    def test_never_plain(self) -> None:
        """Without a key pair to encrypt it with, it is not told."""
        instance_id = self.run_one()["InstanceId"]
        message = self.refused("UnsupportedOperation", "GetPasswordData", InstanceId=instance_id)
        self.assertNotIn(self.mock.instances[instance_id].password, message)
        instance_id = self.run_one(KeyName="test-key")["InstanceId"]
        self.mock.keys.remove("mockuser", "test-key")
        self.later(2)
        self.refused("UnsupportedOperation", "GetPasswordData", InstanceId=instance_id)

    def test_none(self) -> None:
        """An instance to which the cloud gave none."""
        self.assertEqual(self.password_data("inst0")["PasswordData"], "")
        self.refused("InvalidInstanceID.NotFound", "GetPasswordData", InstanceId="no")
