"""API versions."""

from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.ec2 import versions
from ec2proxy.ec2.errors import EC2Error


class CheckedTests(SynchronousTestCase):
    def test_dates(self) -> None:
        """Any date is taken as it is; none at all means Deltacloud's own."""
        for version in ("2016-11-15", "2012-08-15", "2099-01-01"):
            self.assertEqual(versions.checked(version), version)
        self.assertEqual([versions.checked(None), versions.checked("")], ["2012-04-01"] * 2)

    def test_other_texts(self) -> None:
        """Anything else would end up in the namespace of the answer."""
        for version in ("latest", "2016-13-01", "20161115", "2016-11-15/", "2016-11-15\n", '"><x', "2016-W46-2"):
            error = self.assertRaises(EC2Error, versions.checked, version)
            self.assertEqual(error.code, "InvalidParameterValue")
