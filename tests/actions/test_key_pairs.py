"""DescribeKeyPairs, CreateKeyPair and DeleteKeyPair."""

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ec2proxy.mockcloud.keys import private_fingerprint
from tests.actions.support import ActionTestCase

TAGS = [{"ResourceType": "key-pair", "Tags": [{"Key": "team", "Value": "é"}]}]


class KeyPairTests(ActionTestCase):
    def names(self, **params) -> list[str]:
        return [key["KeyName"] for key in self.call("DescribeKeyPairs", **params)["KeyPairs"]]

    def test_create(self) -> None:
        """A private key whose fingerprint is right, shown this once."""
        for name in ("k é+~* x", "js !'()", "a/b", "..", "k" * 255):
            made = self.call("CreateKeyPair", KeyName=name)
            key = load_pem_private_key(made["KeyMaterial"].encode(), None)
            self.assertEqual(made["KeyFingerprint"], private_fingerprint(key))
            self.assertEqual((made["KeyName"], made["Tags"]), (name, []))
            self.assertRegex(made["KeyPairId"], r"\Akey-[0-9a-f]{17}\Z")
            (shown,) = self.call("DescribeKeyPairs", KeyNames=[name])["KeyPairs"]
            del made["KeyMaterial"]
            self.assertEqual(shown, {**shown, **made, "KeyType": "rsa"})

    def test_describe(self) -> None:
        """All, by name, by id, and by filter; a list in any spelling."""
        self.call("CreateKeyPair", KeyName="two", TagSpecifications=TAGS)
        self.assertEqual(self.names(), ["test-key", "two"])
        for name in ("KeyName", "KeyName.1", "KeyName.0", "KeyName.5"):
            answer = self.understood("DescribeKeyPairs", self.ask(("Action", "DescribeKeyPairs"), (name, "two")))
            self.assertEqual([key["KeyName"] for key in answer["KeyPairs"]], ["two"])
        (two,) = self.call("DescribeKeyPairs", KeyNames=["two"], IncludePublicKey=True)["KeyPairs"]
        self.assertEqual(two["Tags"], TAGS[0]["Tags"])
        self.assertEqual(self.names(KeyPairIds=[two["KeyPairId"]]), ["two"])
        self.assertEqual(self.names(KeyPairIds=[two["KeyPairId"]], KeyNames=["test-key"]), ["test-key", "two"])
        for name, value, wanted in (
            ("key-name", "t*", ["test-key", "two"]),
            ("key-name", "two", ["two"]),
            ("fingerprint", "*:*", ["test-key", "two"]),
            ("key-pair-id", two["KeyPairId"], ["two"]),
            ("tag:team", "?", ["two"]),
            ("tag-key", "team", ["two"]),
        ):
            self.assertEqual(self.names(Filters=[{"Name": name, "Values": [value]}]), wanted)
        self.refused("InvalidParameterValue", "DescribeKeyPairs", Filters=[{"Name": "x", "Values": ["y"]}])

    def test_none(self) -> None:
        """No key pairs are an empty set."""
        heard = self.ask(("Action", "DescribeKeyPairs"), user="other")
        self.assertEqual(self.understood("DescribeKeyPairs", heard), {"KeyPairs": []})
        self.assertIn(b"<keySet/>", heard.body)

    def test_missing(self) -> None:
        """Every name that is missing is told, in quotes (libcloud cuts it out)."""
        message = self.refused("InvalidKeyPair.NotFound", "DescribeKeyPairs", KeyNames=["no such"])
        self.assertEqual(message, "The key pair 'no such' does not exist")
        ask = {"KeyNames": ["x", "test-key"], "KeyPairIds": ["key-1"]}
        message = self.refused("InvalidKeyPair.NotFound", "DescribeKeyPairs", **ask)
        self.assertEqual(message, "The key pairs 'x, key-1' do not exist")

    def test_duplicate(self) -> None:
        """The name is told in quotes, whether we know or the backend does; a DryRun is told too."""
        for params in ({}, {"DryRun": True}):
            message = self.refused("InvalidKeyPair.Duplicate", "CreateKeyPair", KeyName="test-key", **params)
            self.assertEqual(message, "The keypair 'test-key' already exists.")
        self.assertEqual(self.changes(), [])
        self.understood("CreateKeyPair", self.ask(("Action", "CreateKeyPair"), ("KeyName", "k"), user="other"))
        message = self.refused("InvalidKeyPair.Duplicate", "CreateKeyPair", KeyName="k")
        self.assertEqual(message, "The keypair 'k' already exists.")

    def test_kinds(self) -> None:
        """Only RSA and PEM are made; other kinds of EC2's are unsupported, and the rest is a mistake."""
        self.call("CreateKeyPair", KeyName="k", KeyType="rsa", KeyFormat="pem")
        for code, params in (
            ("UnsupportedOperation", {"KeyType": "ed25519"}),
            ("UnsupportedOperation", {"KeyFormat": "ppk"}),
            ("InvalidParameterValue", {"KeyType": "dsa"}),
            ("InvalidParameterValue", {"KeyFormat": "der"}),
            ("InvalidParameterValue", {"KeyName": "k" * 256}),
            ("InvalidParameterValue", {"TagSpecifications": [{"ResourceType": "instance"}]}),
        ):
            self.refused(code, "CreateKeyPair", **{"KeyName": "new", **params})
        self.told("MissingParameter", self.ask(("Action", "CreateKeyPair"), ("KeyName", "")))
        self.assertEqual(self.names(), ["test-key", "k"])

    def test_delete(self) -> None:
        """By name or by id; one that is not there is deleted as well."""
        (key,) = self.call("DescribeKeyPairs")["KeyPairs"]
        answer = self.call("DeleteKeyPair", KeyName="test-key")
        self.assertEqual(answer, {"Return": True, "KeyPairId": key["KeyPairId"]})
        self.assertEqual(self.names(), [])
        self.assertTrue(self.call("DeleteKeyPair", KeyName="test-key")["Return"])
        made = self.call("CreateKeyPair", KeyName="k")
        self.assertTrue(self.call("DeleteKeyPair", KeyPairId=made["KeyPairId"])["Return"])
        self.assertEqual(self.call("DeleteKeyPair", KeyPairId="key-0"), {"Return": True})
        self.assertEqual(self.names(), [])

    def test_delete_unseen(self) -> None:
        """A key that somebody else made a moment ago is deleted too."""
        self.assertEqual(self.names(), ["test-key"])
        self.mock.keys.add(type(self.mock.keys["test-key"])("new", "mockuser", "aa:bb"))
        self.call("DeleteKeyPair", KeyName="new")
        self.assertEqual(self.names(), ["test-key"])

    def test_delete_refused(self) -> None:
        """One of name and id, not both and not neither."""
        self.refused("MissingParameter", "DeleteKeyPair")
        self.refused("InvalidParameterCombination", "DeleteKeyPair", KeyName="a", KeyPairId="b")
        self.mock.trouble.answer(502, b"", method="DELETE")
        self.refused("Unavailable", "DeleteKeyPair", status=503, KeyName="test-key")

    def test_tags_go(self) -> None:
        """A key made after one of the same name went has none of its tags, however that went."""
        for delete in (lambda: self.call("DeleteKeyPair", KeyName="k"), lambda: self.mock.keys.remove("mockuser", "k")):
            self.assertEqual(self.call("CreateKeyPair", KeyName="k", TagSpecifications=TAGS)["Tags"], TAGS[0]["Tags"])
            delete()
            self.later(2)
            self.call("CreateKeyPair", KeyName="k")
            (key,) = self.call("DescribeKeyPairs", KeyNames=["k"])["KeyPairs"]
            self.assertEqual(key["Tags"], [])
            self.call("DeleteKeyPair", KeyName="k")

    def test_lost(self) -> None:
        """A key whose creation was not answered is found, if the backend still tells its private key."""
        self.mock.trouble.lose_answer(method="POST", path="/api/keys")
        self.assertIn("KeyMaterial", self.call("CreateKeyPair", KeyName="k", TagSpecifications=TAGS))
        self.assertEqual(self.call("DescribeKeyPairs", KeyNames=["k"])["KeyPairs"][0]["Tags"], TAGS[0]["Tags"])

    def test_not_created(self) -> None:
        """One that is not there was not created."""
        self.mock.trouble.answer(502, b"", method="POST", path="/api/keys")
        self.refused("Unavailable", "CreateKeyPair", status=503, KeyName="k")
        self.assertEqual(self.names(), ["test-key"])
