"""boto3's STS client against the daemon."""

from typing import Any

import boto3
from botocore.exceptions import ClientError

from tests.e2e.cases import CONFIG, PASSWORD, USER, DaemonTestCase


class IdentityTests(DaemonTestCase):
    """What Terraform's provider asks first."""

    def sts(self, password: str) -> Any:
        """boto3's client, pointed at the daemon as Terraform's ``endpoints { sts = … }`` is."""
        session = boto3.Session(USER, password, region_name="us-east-1")
        return session.client("sts", endpoint_url=f"http://127.0.0.1:{self.daemon.port}/ec2", config=CONFIG)

    def test_identity(self) -> None:
        """The signature's scope is sts, and the answer boto3's."""
        found = self.sts(PASSWORD).get_caller_identity()
        self.assertEqual(found["Arn"], f"arn:aws:iam::{found['Account']}:user/{USER}")
        self.assertTrue(found["ResponseMetadata"]["RequestId"])

    def test_refused(self) -> None:
        """Errors come in STS's form; boto3 makes of others just 'Unknown'."""
        error = self.assertRaises(ClientError, self.sts("wrong").get_caller_identity)
        self.assertEqual(error.response["Error"]["Code"], "SignatureDoesNotMatch")
        self.assertEqual(error.response["Error"]["Type"], "Sender")
        error = self.assertRaises(ClientError, self.sts(PASSWORD).get_session_token)
        self.assertEqual(error.response["Error"]["Code"], "InvalidAction")
