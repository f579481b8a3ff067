"""boto3 against the daemon, as its users drive EC2."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import botocore.auth
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.e2e.cases import PASSWORD, USER, DaemonTestCase, client, name_of

FAST = {"Delay": 0.05, "MaxAttempts": 200}


class Boto3TestCase(DaemonTestCase):
    """A test with a client of the shared daemon."""

    def setUp(self) -> None:
        super().setUp()
        self.ec2 = client(self.daemon.url)
        self.addCleanup(self.ec2.close)

    def wait(self, waiter: str, instance_id: str) -> None:
        """Wait for a state as boto3 does, though less patiently."""
        self.ec2.get_waiter(waiter).wait(InstanceIds=[instance_id], WaiterConfig=FAST)

    def launch(self, **more: Any) -> str:
        """Run one instance, which is terminated when the test is over, and give its id."""
        answer = self.ec2.run_instances(ImageId="img1", MinCount=1, MaxCount=1, **more)
        instance_id: str = answer["Instances"][0]["InstanceId"]
        self.addCleanup(self.ec2.terminate_instances, InstanceIds=[instance_id])
        return instance_id

    def described(self, instance_id: str) -> Any:
        """The instance as DescribeInstances tells it."""
        return self.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]

    def refused(self, call: Any, *arguments: Any, **parameters: Any) -> tuple[str, int, str]:
        """Call and be refused: the code, the HTTP status and the message."""
        error = self.assertRaises(ClientError, call, *arguments, **parameters)
        metadata = error.response["ResponseMetadata"]
        self.assertEqual(metadata["RequestId"], metadata["HTTPHeaders"]["x-amzn-requestid"])
        return error.response["Error"]["Code"], metadata["HTTPStatusCode"], error.response["Error"]["Message"]


class DescribeTests(Boto3TestCase):
    """What there is."""

    def test_zones(self) -> None:
        """The realms are zones, in EC2's words since boto3 asks for a version."""
        zones = self.ec2.describe_availability_zones()["AvailabilityZones"]
        self.assertEqual(
            [(zone["ZoneName"], zone["State"]) for zone in zones], [("us", "available"), ("eu", "available")]
        )

    def test_images(self) -> None:
        """All images, one by its id, and the caller's own."""
        images = self.ec2.describe_images()["Images"]
        self.assertTrue({"img1", "img2", "img3"} <= {image["ImageId"] for image in images})
        (one,) = self.ec2.describe_images(ImageIds=["img1"])["Images"]
        self.assertEqual((one["Name"], one["Architecture"]), ("img1", "x86_64"))
        mine = {image["ImageId"] for image in self.ec2.describe_images(Owners=["self"])["Images"]}
        self.assertIn("img3", mine)
        self.assertNotIn("img1", mine)

    def test_instances(self) -> None:
        """The instances that the mock cloud begins with."""
        instance = self.described("inst1")
        self.assertEqual(instance["ImageId"], "img3")
        self.assertEqual(instance["Placement"]["AvailabilityZone"], "us")

    def test_pages(self) -> None:
        """The paginator finds each instance once."""
        mine = [self.launch() for _ in range(6)]
        everything = self.ec2.get_paginator("describe_instances")
        pages = list(everything.paginate(PaginationConfig={"PageSize": 5}))
        self.assertGreater(len(pages), 1)
        found = [
            instance["InstanceId"]
            for page in pages
            for group in page["Reservations"]
            for instance in group["Instances"]
        ]
        self.assertEqual(len(found), len(set(found)))
        self.assertTrue(set(mine) <= set(found))

    def test_bogus_token(self) -> None:
        """A token that we did not give is refused."""
        self.assertEqual(
            self.refused(self.ec2.describe_instances, MaxResults=5, NextToken="bogus")[:2],
            ("InvalidParameterValue", 400),
        )


class KeyPairTests(Boto3TestCase):
    """Key pairs."""

    def test_life(self) -> None:
        """A created key pair has a private key that loads, is described with its fingerprint, and can be deleted."""
        name = name_of("key")
        created = self.ec2.create_key_pair(KeyName=name)
        self.assertEqual(created["KeyName"], name)
        self.assertGreaterEqual(load_pem_private_key(created["KeyMaterial"].encode(), None).key_size, 2048)
        (described,) = self.ec2.describe_key_pairs(KeyNames=[name])["KeyPairs"]
        self.assertEqual(described["KeyFingerprint"], created["KeyFingerprint"])
        self.assertRegex(created["KeyFingerprint"], r"^[0-9a-f]{2}(:[0-9a-f]{2}){15,}$")
        code, status, message = self.refused(self.ec2.create_key_pair, KeyName=name)
        self.assertEqual((code, status), ("InvalidKeyPair.Duplicate", 400))
        self.assertIn(name, message)
        self.ec2.delete_key_pair(KeyName=name)
        self.assertEqual(
            self.refused(self.ec2.describe_key_pairs, KeyNames=[name])[:2], ("InvalidKeyPair.NotFound", 400)
        )

    def test_delete_absent(self) -> None:
        """To delete what is not there succeeds, as in EC2."""
        self.ec2.delete_key_pair(KeyName=name_of("absent"))


class InstanceTests(Boto3TestCase):
    """The lives of instances."""

    def test_life(self) -> None:
        """Run with a name, wait, stop, wait, start, reboot, terminate from running, and be seen terminated."""
        name = name_of("web")
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}]
        instance_id = self.launch(InstanceType="m1-large", Placement={"AvailabilityZone": "eu"}, TagSpecifications=tags)
        self.wait("instance_running", instance_id)
        instance = self.described(instance_id)
        self.assertEqual((instance["InstanceType"], instance["Placement"]["AvailabilityZone"]), ("m1-large", "eu"))
        self.assertIn({"Key": "Name", "Value": name}, instance["Tags"])

        self.assert_change(self.ec2.stop_instances, "StoppingInstances", instance_id, "running", "stopping")
        self.wait("instance_stopped", instance_id)
        self.assert_change(self.ec2.start_instances, "StartingInstances", instance_id, "stopped", "pending")
        self.wait("instance_running", instance_id)
        self.ec2.reboot_instances(InstanceIds=[instance_id])
        self.assert_change(
            self.ec2.terminate_instances, "TerminatingInstances", instance_id, "running", "shutting-down"
        )
        self.wait("instance_terminated", instance_id)
        self.assertEqual(self.described(instance_id)["State"], {"Code": 48, "Name": "terminated"})

    def assert_change(self, call: Any, member: str, instance_id: str, before: str, after: str) -> None:
        """The call answers with the state before and the state that EC2 promises."""
        (change,) = call(InstanceIds=[instance_id])[member]
        self.assertEqual(change["InstanceId"], instance_id)
        self.assertEqual((change["PreviousState"]["Name"], change["CurrentState"]["Name"]), (before, after))

    def test_seen_at_once(self) -> None:
        """An instance is found the moment that it was run."""
        for _ in range(5):
            self.assertEqual(self.described(instance_id := self.launch())["InstanceId"], instance_id)

    def test_filter(self) -> None:
        """Filters by state and tag find what they should and no more."""
        name = name_of("filtered")
        instance_id = self.launch(
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}]
        )
        answer = self.ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": [name]}])
        self.assertEqual(
            [instance["InstanceId"] for group in answer["Reservations"] for instance in group["Instances"]],
            [instance_id],
        )

    def test_several(self) -> None:
        """Several are run, and terminated, with one call."""
        run = self.ec2.run_instances(ImageId="img1", MinCount=3, MaxCount=3)
        ids = {instance["InstanceId"] for instance in run["Instances"]}
        self.assertEqual(len(ids), 3)
        ended = self.ec2.terminate_instances(InstanceIds=sorted(ids))["TerminatingInstances"]
        self.assertEqual({change["InstanceId"] for change in ended}, ids)

    def test_client_token(self) -> None:
        """The same token is the same instance; with other parameters it is an error."""
        token = name_of("token")
        first = self.launch(ClientToken=token)
        again = self.ec2.run_instances(ImageId="img1", MinCount=1, MaxCount=1, ClientToken=token)
        self.assertEqual(again["Instances"][0]["InstanceId"], first)
        refused = self.refused(self.ec2.run_instances, ImageId="img2", MinCount=1, MaxCount=1, ClientToken=token)
        self.assertEqual(refused[:2], ("IdempotentParameterMismatch", 400))


class RefusalTests(Boto3TestCase):
    """What is refused, in EC2's words."""

    def test_dry_run(self) -> None:
        """A dry run is told that it would have worked, and does nothing."""
        answer = self.refused(self.ec2.stop_instances, InstanceIds=["inst0"], DryRun=True)
        self.assertEqual(answer[:2], ("DryRunOperation", 412))
        self.assertEqual(self.described("inst0")["State"]["Name"], "running")

    def test_missing(self) -> None:
        """All the ids that are missing are named."""
        ids = ["inst0", "inst98", "inst99"]
        code, status, message = self.refused(self.ec2.describe_instances, InstanceIds=ids)
        self.assertEqual((code, status), ("InvalidInstanceID.NotFound", 400))
        self.assertIn("inst98", message)
        self.assertIn("inst99", message)
        self.assertNotIn("inst0", message)
        self.assertEqual(self.refused(self.ec2.describe_images, ImageIds=["img9"])[0], "InvalidAMIID.NotFound")

    def test_unknown_action(self) -> None:
        """An action of EC2's that is not there."""
        self.assertEqual(self.refused(self.ec2.describe_fleets)[:2], ("UnsupportedOperation", 400))

    def test_unknown_filter(self) -> None:
        """A filter that is not understood is refused instead of being overlooked."""
        filters = [{"Name": "no-such-filter", "Values": ["x"]}]
        self.assertEqual(self.refused(self.ec2.describe_instances, Filters=filters)[:2], ("InvalidParameterValue", 400))


class IdentityTests(Boto3TestCase):
    """Who is let in."""

    def refused_as(self, key: str, secret: str) -> tuple[str, int]:
        """Describe zones with these keys."""
        ec2 = client(self.daemon.url, key, secret)
        self.addCleanup(ec2.close)
        return self.refused(ec2.describe_availability_zones)[:2]

    def test_wrong_secret(self) -> None:
        """A signature with another secret."""
        self.assertEqual(self.refused_as(USER, "other"), ("SignatureDoesNotMatch", 403))

    def test_unknown_key(self) -> None:
        """An access key that nobody has."""
        self.assertEqual(self.refused_as("nobody", PASSWORD), ("InvalidClientTokenId", 403))

    def test_skewed_clock(self) -> None:
        """A client whose clock is an hour late."""
        late = datetime.now(UTC) - timedelta(hours=1)
        with mock.patch.object(botocore.auth, "get_current_datetime", return_value=late.replace(tzinfo=None)):
            self.assertEqual(self.refused_as(USER, PASSWORD), ("RequestExpired", 400))
