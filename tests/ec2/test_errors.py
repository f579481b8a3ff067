"""Errors and their statuses."""

from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.ec2.errors import EC2Error, invalid_value, shown


class EC2ErrorTests(SynchronousTestCase):
    def test_statuses(self) -> None:
        """The statuses are those of shared/ec2/README.md; clients decide by them whether to try again."""
        wanted = {
            "AuthFailure": 401,
            "SignatureDoesNotMatch": 403,
            "InvalidClientTokenId": 403,
            "RequestExpired": 400,
            "IncompleteSignature": 400,
            "MissingAuthenticationToken": 403,
            "UnauthorizedOperation": 403,
            "InvalidAction": 400,
            "InvalidInstanceID.NotFound": 400,
            "IncorrectInstanceState": 400,
            "InsufficientInstanceCapacity": 500,
            "DryRunOperation": 412,
            "RequestLimitExceeded": 503,
            "InternalError": 500,
            "Unavailable": 503,
        }
        self.assertEqual({code: EC2Error(code, "").status for code in wanted}, wanted)

    def test_text(self) -> None:
        """As a text it has code and message."""
        self.assertEqual(str(EC2Error("AuthFailure", "no")), "AuthFailure: no")

    def test_long_values_are_cut(self) -> None:
        """A message never grows with what the client sent."""
        self.assertEqual(shown("short"), "short")
        self.assertLess(len(invalid_value("n" * 10_000, "v" * 10_000, "Why.").message), 400)
