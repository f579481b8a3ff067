"""What is noted of looks that fail before there is a picture."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.cloud.epochs import LocalEpochs
from ec2proxy.cloud.inventory import Inventory
from ec2proxy.cloud.notes import NOTES, Notes
from ec2proxy.errors import BackendError
from ec2proxy.model import Credentials


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
