"""What real clients sent for the actions that there are, performed."""

from attrs import evolve

from ec2proxy.ec2 import forms
from ec2proxy.ec2.params import single
from tests.actions.support import ACTIONS, ActionTestCase, basic
from tests.ec2.captures import Capture, captures

#: What is refused in a cloud that has all that the clients name, and why. All others are done.
REFUSED = {
    "DryRunOperation": {
        "aws-cli 20": "asks for it",
        "aws-sdk-js-v3 15": "asks for it",
        "boto2 26": "asks for it",
        "boto2 53": "asks for it",
        "boto3 20": "asks for it",
        "boto3 42": "asks for it",
    },
    "InvalidSubnetID.NotFound": {
        "aws-cli 22": "RunInstances in a subnet of another cloud",
    },
}
_SIGNING = ("AWSAccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "Timestamp", "SecurityToken")
_NEW_KEYS = ("CreateKeyPair", "ImportKeyPair")


class CaptureTests(ActionTestCase):
    def setUp(self) -> None:
        self.make(features=["user_data", "import_key"], reuse_ids=False)
        self.mock.images["ami-03cf127a"] = evolve(self.mock.images["img1"], id="ami-03cf127a")
        self.mock.profiles["t2.micro"] = evolve(self.mock.profiles["m1-small"], id="t2.micro")

    def provide(self, pairs: list[tuple[str, str]]) -> None:
        """Have what a request names: the client had made it before."""
        action = dict(pairs)["Action"]
        for name, value in pairs:
            if name.startswith(("InstanceId", "ResourceId")) and value not in self.mock.instances:
                state = "STOPPED" if action == "StartInstances" else "RUNNING"
                self.mock.instances.add(evolve(self.mock.instances["inst0"], id=value, state=state))
            elif name.startswith("KeyName") and action not in _NEW_KEYS and value not in self.mock.keys:
                self.mock.keys.add(evolve(self.mock.keys["test-key"], id=value))
        self.later(2)

    def outcome(self, capture: Capture) -> str:
        """The code of a refusal, ``ok`` for a success, which is held to botocore's model."""
        pairs = [(name, value) for name, value in forms.pairs(capture.request) if name not in _SIGNING]
        self.provide(pairs)
        heard = self.successResultOf(self.perform(basic(*pairs, version=None)))
        if "eucalyptus" in heard.xml.tag:
            # Another API's answer, of which botocore knows nothing.
            return "ok"
        if heard.status == 200:
            action, version = dict(pairs)["Action"], dict(pairs)["Version"]
            self.understood(action, heard, version)
            return "ok"
        return str(heard.xml.findtext("Errors/Error/Code"))

    def test_all(self) -> None:
        """Each is understood and done; what is refused, is for a reason."""
        refused: dict[str, set[str]] = {}
        tried = set()
        for capture in captures():
            action = single(forms.pairs(capture.request), "Action")
            if action in ACTIONS and action != "GetCallerIdentity":
                self.setUp()
                tried.add(action)
                if (outcome := self.outcome(capture)) != "ok":
                    refused.setdefault(outcome, set()).add(capture.name)
        self.assertEqual(refused, {code: set(names) for code, names in REFUSED.items()})
        self.assertLessEqual(
            {"DescribeAvailabilityZones", "DescribeImages", "DescribeInstances", "DescribeKeyPairs", "CreateKeyPair"}
            | {"DeleteKeyPair", "RunInstances", "StopInstances", "StartInstances", "RebootInstances"}
            | {"TerminateInstances"},
            tried,
        )
