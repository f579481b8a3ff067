"""The list of EC2's actions: kept in step with botocore, and with ourselves."""

import re
from pathlib import Path
from runpy import run_path

import botocore
from botocore.session import get_session
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.ec2.known_actions import known_actions

PROJECT = Path(__file__).parents[2]


class KnownActionsTests(SynchronousTestCase):
    def setUp(self) -> None:
        script = run_path(str(PROJECT / "contrib" / "known_actions.py"))
        self.text = script["LIST"].read_text()
        self.updated = script["updated"]

    def test_in_step(self) -> None:
        """With the botocore that it was made from an update changes nothing; another may know a few more or less."""
        made_from = re.search(r"botocore (\S+)\. ", self.text)
        assert made_from is not None
        if made_from[1] == botocore.__version__:
            self.assertEqual(self.updated(self.text), self.text)
        theirs = set(get_session().get_service_model("ec2").operation_names)
        self.assertGreater(len(theirs & known_actions()), 0.9 * len(theirs))

    def test_update(self) -> None:
        """An update adds and sorts, and takes nothing away."""
        lines = self.updated("# old\nBundleOfJoy\n").splitlines()
        self.assertIn(f"botocore {botocore.__version__}", lines[0])
        self.assertIn("BundleOfJoy", lines)
        self.assertIn("RunInstances", lines)
        self.assertEqual(lines[1:], sorted(set(lines[1:])))

    def test_names(self) -> None:
        """Names alone."""
        for name in known_actions():
            self.assertRegex(name, r"\A[A-Z][A-Za-z0-9]+\Z")
        self.assertTrue({"RunInstances", "CreateVpc", "ModifyHosts"} <= known_actions())
