"""The harness itself: it lets nothing pass that would trip a client."""

from botocore.session import get_session
from lxml import etree
from twisted.trial.unittest import SynchronousTestCase

from tests.actions import strict

GOOD = (
    '<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>'
    "<reservationSet><item><groupSet/><instancesSet><item><instanceId>i</instanceId><instanceState><code>16</code>"
    "<name>running</name></instanceState><launchTime>2026-11-23T16:45:39.000Z</launchTime>"
    "<ebsOptimized>true</ebsOptimized></item></instancesSet></item></reservationSet></DescribeInstancesResponse>"
)
ERROR = (
    "<Response><Errors><Error><Code>C</Code><Message>M</Message></Error></Errors><RequestID>r</RequestID></Response>"
)


class AnswerTests(SynchronousTestCase):
    def test_good(self) -> None:
        """A right answer is what boto3 would give."""
        answer = strict.parsed("DescribeInstances", GOOD.encode())
        self.assertEqual(answer["Reservations"][0]["Instances"][0]["State"], {"Code": 16, "Name": "running"})

    def test_wrong(self) -> None:
        """Whatever is not as the model says."""
        for good, bad in (
            ("<instanceId>i</instanceId>", "<instanceId>i</instanceId><instanceid>i</instanceid>"),
            ("<instanceId>i</instanceId>", "<instanceId>i</instanceId><instanceId>i</instanceId>"),
            ("<instanceId>i</instanceId>", "<instanceId><b/></instanceId>"),
            ("<instanceId>", '<instanceId a="b">'),
            ("<instanceId>", '<instanceId xmlns="">'),
            ("instancesSet", "instanceSet"),
            ("<instancesSet><item>", "<instancesSet>text<item>"),
            ("item", "member"),
            ("<groupSet/>", "text<groupSet/>"),
            ("2026-11-23T16:45:39.000Z", ""),
            ("2026-11-23T16:45:39.000Z", "2026-11-23 16:45:39 +0000"),
            ("<code>16</code>", "<code/>"),
            ("<code>16</code>", "<code>16.0</code>"),
            ("running", "RUNNING"),
            ("true", "True"),
            ("2016-11-15/", "2016-11-15"),
            ("<requestId>r</requestId>", ""),
            ("<requestId>r</requestId>", "<requestId/>"),
            ("DescribeInstancesResponse", "DescribeInstanceResponse"),
        ):
            self.assertIn(good, GOOD)
            with self.assertRaises(strict.Wrong, msg=bad):
                strict.parsed("DescribeInstances", GOOD.replace(good, bad).encode())

    def test_no_payload(self) -> None:
        """An action without a payload says true, and only that."""
        document = (
            '<RebootInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">{}</RebootInstancesResponse>'
        )
        said = "<requestId>r</requestId><return>true</return>"
        strict.parsed("RebootInstances", document.format(said).encode())
        for wrong in ("<requestId>r</requestId>", "<return>true</return><requestId>r</requestId>", f"{said}<x/>"):
            with self.assertRaises(strict.Wrong):
                strict.parsed("RebootInstances", document.format(wrong).encode())

    def test_required(self) -> None:
        """A member that has to be there."""
        shape = get_session().get_service_model("ec2").shape_for("RunInstancesMonitoringEnabled")
        strict.structure(etree.fromstring("<a><enabled>true</enabled></a>"), shape)
        with self.assertRaises(strict.Wrong):
            strict.structure(etree.fromstring("<a/>"), shape)


class RefusalTests(SynchronousTestCase):
    def test_error(self) -> None:
        """Exactly Code, Message and RequestID, in no namespace."""
        self.assertEqual(strict.refused(ERROR.encode(), 400), ("C", "M"))
        for good, bad in (
            ("</Message>", "</Message><Type/>"),
            ("RequestID", "RequestId"),
            ("<Response>", '<Response xmlns="x">'),
            ("<Code>C</Code><Message>M</Message>", "<Message>M</Message><Code>C</Code>"),
            (">r<", "><"),
        ):
            with self.assertRaises(strict.Wrong, msg=bad):
                strict.refused(ERROR.replace(good, bad).encode(), 400)
