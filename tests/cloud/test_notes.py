"""What is noted of looks: those that fail before there is a picture, and those at some of it."""

from collections.abc import Callable
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.cloud.epochs import LocalEpochs
from ec2proxy.cloud.inventory import Inventory
from ec2proxy.cloud.notes import NOTES, Notes
from ec2proxy.errors import BackendError
from ec2proxy.model import Credentials
from tests.cloud.support import MINE, OTHER, CloudTestCase


class Mute:
    """A driver of a backend that does not say what it has."""

    async def capabilities(self, credentials: Credentials) -> Any:
        raise BackendError()


class NotesTests(SynchronousTestCase):
    def test_not_known_what_there_is(self) -> None:
        """That is asked anew each time, so nothing can be kept that was made without."""
        driver: Any = Mute()
        inventory = Inventory("here", driver, LocalEpochs(), Clock())
        notes = Notes()

        async def look() -> None:
            NOTES.set(notes)
            await inventory.networks(Credentials("me", "one"), 60.0)

        self.failureResultOf(Deferred.fromCoroutine(look()), BackendError)
        self.assertTrue(notes.spoiled)


class WholeTests(CloudTestCase):
    """Whether all of a picture matters to what was made of it."""

    def noted(self, *looks: Callable[[], Any]) -> Notes:
        """What is noted of some looks, one after the other."""
        notes = Notes()

        async def look() -> None:
            NOTES.set(notes)
            for one in looks:
                await one()

        self.done(look())
        return notes

    def test_any_whole_look(self) -> None:
        """It does if any look was at all of it, in whatever order."""
        instance_id = self.running()
        lifecycle = self.lifecycle

        def all_of_it() -> Any:
            return lifecycle.instances(MINE)

        def some() -> Any:
            return lifecycle.some(MINE, [instance_id, "none"])

        for looks, whole in (
            ([some], False),
            ([all_of_it], True),
            ([some, all_of_it], True),
            ([all_of_it, some], True),
        ):
            notes = self.noted(*looks)
            self.assertEqual(notes.looks[MINE, "instances"].whole, whole)
            self.assertEqual(notes.consulted, {MINE} if whole else set())
            chosen = {instance_id: self.views()[instance_id], "none": None}
            self.assertEqual(notes.chosen, {MINE: chosen} if some in looks else {})

    def test_noted_again(self) -> None:
        """A stricter look at some of it leaves it so."""
        self.running()
        notes = self.noted(lambda: self.lifecycle.instances(MINE))
        notes.saw(evolve(notes.looks[MINE, "instances"], whole=False))
        self.assertTrue(notes.looks[MINE, "instances"].whole)

    def test_shows(self) -> None:
        """A picture shows the same of an instance if its roster is made, of what is remembered now, and does."""
        instance_id = self.running()
        view = self.views()[instance_id]
        shown, ledger = self.done(self.lifecycle.look(MINE))

        def shows(chosen: dict[str, Any]) -> bool:
            return self.lifecycle.shows(MINE, shown, chosen)

        self.assertTrue(shows({instance_id: view, "none": None}))
        self.assertFalse(shows({instance_id: None}))
        self.assertFalse(shows({"none": view}))
        self.assertFalse(self.lifecycle.shows(OTHER, shown, {"none": None}))
        self.done(ledger.tag("none", {"a": "b"}))
        self.assertFalse(shows({instance_id: view}))
        self.views()
        self.assertTrue(shows({instance_id: view}))
        self.later(2)
        self.backend.instances.add(evolve(self.backend.instances.get(instance_id), state="STOPPED"))
        shown, _ = self.done(self.lifecycle.look(MINE))
        self.assertFalse(shows({instance_id: view}))
        self.assertFalse(shows({}))
        self.views()
        self.assertTrue(shows({}))
