"""GetCallerIdentity, and all else that makes an STS of us."""

from typing import Any

from botocore.parsers import create_parser
from botocore.session import get_session
from lxml import etree

from tests.actions.support import ActionTestCase, Heard

STS = "2011-06-15"
NAMESPACE = f"{{https://sts.amazonaws.com/doc/{STS}/}}"
ASKED = ("Action", "GetCallerIdentity")


def names(document: bytes) -> list[str]:
    """The elements of a document, in their order; all have to be of STS's namespace."""
    return [node.tag.removeprefix(NAMESPACE) for node in etree.fromstring(document).iter()]


class IdentityTests(ActionTestCase):
    def identity(self, heard: Heard) -> dict[str, Any]:
        """What boto3 makes of an answer."""
        self.assertEqual(heard.status, 200, heard.body)
        shape = get_session().get_service_model("sts").operation_model("GetCallerIdentity").output_shape
        response = {"body": heard.body, "headers": {}, "status_code": heard.status}
        found: dict[str, Any] = create_parser("query").parse(response, shape)
        self.assertEqual(found.pop("ResponseMetadata")["RequestId"], self.trace.request_id)
        return found

    def refusal(self, heard: Heard) -> tuple[str, str, int]:
        """Type, code and status of an error, as STS says it."""
        self.assertEqual(names(heard.body), ["ErrorResponse", "Error", "Type", "Code", "Message", "RequestId"])
        response = {"body": heard.body, "headers": {}, "status_code": heard.status}
        found = create_parser("query").parse(response, None)
        self.assertEqual(found["ResponseMetadata"]["RequestId"], self.trace.request_id)
        return found["Error"]["Type"], found["Error"]["Code"], heard.status

    def test_identity(self) -> None:
        """A user of IAM in an account of twelve digits, in STS's form."""
        heard = self.ask(ASKED, version=STS)
        self.assertEqual(
            names(heard.body),
            [
                *("GetCallerIdentityResponse", "GetCallerIdentityResult", "Arn", "UserId", "Account"),
                *("ResponseMetadata", "RequestId"),
            ],
        )
        found = self.identity(heard)
        self.assertEqual(set(found), {"Arn", "UserId", "Account"})
        self.assertRegex(found["Account"], r"\A\d{12}\Z")
        self.assertEqual(found["Arn"], f"arn:aws:iam::{found['Account']}:user/mockuser")
        self.assertRegex(found["UserId"], r"\AAIDA[0-9A-F]{16}\Z")

    def test_stable(self) -> None:
        """The same for the same user after a restart; another user is another account."""
        first = self.identity(self.ask(ASKED, version=STS))
        self.restart()
        self.assertEqual(self.identity(self.ask(ASKED, version=STS)), first)
        other = self.identity(self.ask(ASKED, user="other", version=STS))
        self.assertTrue(set(first.values()).isdisjoint(other.values()))

    def test_odd_name(self) -> None:
        """An ARN is ASCII and has five colons, whatever the user is called."""
        self.make(users={"tenant/\xfc b": "wrong"})
        found = self.identity(self.ask(ASKED, user="tenant/\xfc b", version=STS))
        self.assertEqual(found["Arn"], f"arn:aws:iam::{found['Account']}:user/tenant/%C3%BC%20b")

    def test_proved(self) -> None:
        """A caller whom the cloud does not know is told nothing; the form is STS's all the same."""
        self.assertEqual(self.refusal(self.ask(ASKED, user="stranger", version=STS)), ("Sender", "AuthFailure", 401))

    def test_errors(self) -> None:
        """Whoever names STS's version is answered as by STS."""
        for asked, code in (
            (("Action", "AssumeRole"), "InvalidAction"),
            (("Action", "DescribeInstances"), "InvalidAction"),
            (("Action", ""), "MissingAction"),
        ):
            self.assertEqual(self.refusal(self.ask(asked, version=STS)), ("Sender", code, 400))
        self.assertEqual(self.refusal(self.ask(ASKED, ("Name", "x"), version=STS)), ("Sender", "UnknownParameter", 400))

    def test_backend_down(self) -> None:
        """A fault that is not the client's."""
        self.mock.trouble.answer(503, b"", path="/api/instances", times=None)
        self.assertEqual(self.refusal(self.ask(ASKED, version=STS)), ("Receiver", "Unavailable", 503))

    def test_not_ec2(self) -> None:
        """EC2 itself has no such action."""
        self.told("InvalidAction", self.ask(ASKED))
