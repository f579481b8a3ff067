"""Polls whose answer lacks what the backend failed to tell."""

from tests.actions.test_polls import PollTestCase


class HalfToldTests(PollTestCase):
    def test_half_told(self) -> None:
        """What could not be told in full is kept as long as everybody is told the same failure."""
        self.mock.trouble.answer(500, b"", path="/api/networks", times=None)
        told = self.answer(self.poll())
        self.assertEqual(self.at_once(self.poll()), told)
        for _ in range(50):
            self.clock.advance(1.1)
            self.assertIsNone(self.at_once(self.poll()))
            self.assertEqual(self.answer(self.poll()), told)
        self.assertEqual(self.sent().count("GET /api/networks"), 1)
        self.mock.trouble.clear()
        self.clock.advance(60)
        self.assertIn(b"<vpcId>net1</vpcId>", self.answer(self.poll()))

    def test_written_meanwhile(self) -> None:
        """A failure is told no longer than until there was a write of what was not told."""
        self.mock.trouble.answer(500, b"", path="/api/images")
        told = self.answer(self.poll())
        self.assertEqual(self.at_once(self.poll()), told)
        self.assertNotIn(b"<architecture>", told)
        self.call("CreateImage", InstanceId="inst0", Name="new")
        self.assertIsNone(self.at_once(self.poll()))
        self.assertIn(b"<architecture>", self.answer(self.poll()))

    def test_failed(self) -> None:
        """Where the backend is asked again each time, what could not be told is not kept."""
        self.mock.trouble.answer(500, b"", path="/api/realms", times=None)
        self.answer(self.poll())
        self.assertEqual(self.kept(), [])

    def test_no_images(self) -> None:
        """Instances are described without what their images would tell, unless a filter asks for that."""
        self.mock.trouble.answer(500, b"", path="/api/images", times=None)
        self.assertEqual(len(self.instances()), 4)
        for _ in range(2):
            self.later(2)
            self.assertIn(b"<instanceId>inst0</instanceId>", self.answer(self.poll()))
        self.assertEqual(self.sent().count("GET /api/images"), 1)
        for name, value in (("architecture", "x86_64"), ("root-device-type", "ebs")):
            filters = [{"Name": name, "Values": [value]}]
            self.refused("InternalError", "DescribeInstances", status=500, Filters=filters)
        self.assertTrue(self.instances(Filters=[{"Name": "image-id", "Values": ["img1"]}]))
        self.mock.trouble.clear()
        self.assertTrue(self.call("DescribeInstanceTypes")["InstanceTypes"])
        self.later(6)
        self.assertIn(b"<architecture>", self.answer(self.poll()))
