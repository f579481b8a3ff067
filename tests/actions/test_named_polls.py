"""Polls of instances by id: an answer stands as long as those do, whatever becomes of others."""

import gc
import weakref
from collections import OrderedDict

from twisted.internet.defer import Deferred

from ec2proxy.ec2.request import RawRequest
from ec2proxy.model import Credentials
from tests.actions.support import basic
from tests.actions.test_polls import PollTestCase

ONE = {"InstanceId.1": "inst1"}


class NamedTests(PollTestCase):
    def refreshed(self) -> None:
        """Have the picture refreshed by another question, and its roster made."""
        self.clock.advance(1.5)
        self.call("DescribeInstances")

    def test_another_changed(self) -> None:
        """What has changed of another instance is nothing to it, whoever looks again."""
        first = self.answer(self.poll(**ONE))
        self.turn("inst0", "STOPPED")
        self.refreshed()
        self.assertEqual(self.at_once(self.poll(**ONE)), first)
        self.turn("inst0", "RUNNING")
        (kept, _) = self.kept()
        self.clock.advance(1.5)
        self.assertIsNone(self.at_once(self.poll(**ONE)))
        self.assertEqual(self.answer(self.poll(**ONE)), first)
        # Their repr would fill the screen.
        self.assertTrue(self.kept()[0] is kept)

    def test_it_changed(self) -> None:
        """What has changed of it is told, whoever looks again; also that it is gone, and that it is back."""
        self.answer(self.poll(**ONE))
        self.turn("inst1", "STOPPED")
        self.refreshed()
        self.assertIsNone(self.at_once(self.poll(**ONE)))
        self.assertIn(b"<name>stopped</name>", self.answer(self.poll(**ONE)))
        self.turn("inst1", "RUNNING")
        self.clock.advance(1.5)
        self.assertIn(b"<name>running</name>", self.answer(self.poll(**ONE)))
        instance = self.mock.instances.get("inst1")
        self.mock.instances.remove("inst1")
        self.refreshed()
        self.told("InvalidInstanceID.NotFound", self.successResultOf(self.perform(self.poll(**ONE))), 400)
        self.mock.instances.add(instance)
        self.refreshed()
        self.assertIn(b"<instanceId>inst1</instanceId>", self.answer(self.poll(**ONE)))

    def test_several(self) -> None:
        """Of several any one matters."""
        both = self.poll(**ONE, **{"InstanceId.2": "inst0"})
        self.answer(both)
        self.turn("inst0", "STOPPED")
        self.refreshed()
        self.assertIsNone(self.at_once(both))

    def test_image(self) -> None:
        """What is told of it from elsewhere matters as well."""
        self.answer(self.poll(**ONE))
        self.mock.images.clear()
        self.clock.advance(61)
        self.refreshed()
        self.assertIsNone(self.at_once(self.poll(**ONE)))

    def at_once_without_rosters(self, request: RawRequest) -> bytes | None:
        """The answer if it holds by itself."""
        rosters = self.cloud.lifecycle._rosters
        rosters._kept, kept = OrderedDict(), rosters._kept
        try:
            return self.at_once(request)
        finally:
            rosters._kept = kept

    def tag(self, instance_id: str, value: str) -> None:
        """Have something remembered of an instance."""
        self.call("CreateTags", Resources=[instance_id], Tags=[{"Key": "a", "Value": value}])

    def test_another_tagged(self) -> None:
        """What is remembered of another instance is nothing to it, once the roster tells that."""
        first = self.answer(self.poll(**ONE))
        (kept,) = self.kept()
        self.tag("inst0", "b")
        self.assertIsNone(self.at_once(self.poll(**ONE)))
        self.assertEqual(self.answer(self.poll(**ONE)), first)
        self.assertEqual(self.at_once_without_rosters(self.poll(**ONE)), first)
        self.tag("inst0", "c")
        self.call("DescribeInstances")
        self.assertEqual(self.at_once(self.poll(**ONE)), first)
        self.assertEqual(self.at_once_without_rosters(self.poll(**ONE)), first)
        self.clock.advance(1.5)
        self.tag("inst0", "d")
        self.assertEqual(self.answer(self.poll(**ONE)), first)
        self.assertTrue(self.kept()[0] is kept)

    def test_it_was_tagged(self) -> None:
        """What is remembered of it is told, whoever looks again."""
        for value in ("b", "c"):
            self.answer(self.poll(**ONE))
            self.tag("inst1", value)
            if value == "c":
                self.call("DescribeInstances")
            self.assertIsNone(self.at_once(self.poll(**ONE)))
            self.assertIn(b"<value>%b</value>" % value.encode(), self.answer(self.poll(**ONE)))

    def test_tags_of_all(self) -> None:
        """Where all that is remembered matters, all of it does: filters look at it."""
        filtered = self.poll(**ONE, **{"Filter.1.Name": "owner-id", "Filter.1.Value.1": "mockuser"})
        self.answer(filtered)
        self.tag("inst0", "b")
        self.call("DescribeInstances")
        self.assertIsNone(self.at_once(filtered))
        (before, *_) = self.kept()
        self.answer(filtered)
        self.assertFalse(before in self.kept())

    def test_roster_not_made(self) -> None:
        """Before the roster of a new picture is there nothing is known of it."""
        self.answer(self.poll(**ONE))
        self.turn("inst0", "STOPPED")
        self.clock.advance(1.5)
        reading = Deferred.fromCoroutine(self.cloud.inventory.instances(Credentials("mockuser", "mockpassword")))
        self.agent.flush()
        self.successResultOf(reading)
        self.assertIsNone(self.at_once(self.poll(**ONE)))

    def test_nothing_old_is_held(self) -> None:
        """An answer that is kept and not asked for any more keeps nothing of others that is no more."""
        self.answer(self.poll(**ONE))
        held = {name: next(self.cloud.inventory.held(name))[1].by_id for name in ("instances", "images")}
        old = [weakref.ref(held["instances"]["inst0"]), weakref.ref(held["images"]["img2"])]
        held.clear()
        self.turn("inst0", "STOPPED")
        self.mock.images.pop("img2")
        self.clock.advance(61)
        self.answer(self.poll(**{"InstanceId.1": "inst2"}))
        gc.collect()
        self.assertEqual([each() for each in old], [None, None])
        self.assertEqual(len(self.kept()), 2)

    def test_all_and_one(self) -> None:
        """Who also looks at all of them does not rely on the one alone."""
        status = basic(("Action", "DescribeInstanceStatus"), *ONE.items())
        self.answer(status)
        self.turn("inst0", "STOPPED")
        self.refreshed()
        self.assertIsNotNone(self.at_once(status))
        interfaces = basic(("Action", "DescribeNetworkInterfaces"))
        self.answer(interfaces)
        self.turn("inst0", "RUNNING")
        self.refreshed()
        self.assertIsNone(self.at_once(interfaces))
