"""Another process that changes what is remembered between any two steps of making an answer, or of finding it kept."""

from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred

from ec2proxy.actions.service import EC2Service
from ec2proxy.auth.accounts import Accounts
from ec2proxy.auth.authenticator import Authenticator
from ec2proxy.cloud.cloud import Cloud
from ec2proxy.cloud.epochs import LocalEpochs
from ec2proxy.cloud.ledger import Ledger
from ec2proxy.cloud.regions import Regions
from ec2proxy.drivers.deltacloud.driver import DeltacloudFactory
from ec2proxy.ec2.paging import Pager
from ec2proxy.mockcloud.resource import api_root
from ec2proxy.model import Backend
from ec2proxy.state.memory import MemoryStateStore
from tests.actions.support import ACTIONS
from tests.actions.test_polls import PollTestCase


class Interrupted(LocalEpochs):
    """Epochs of two processes; the other one may act whenever this one has just looked at them.

    :ivar looks: how often this one has looked.
    """

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0
        self.when, self.act = -1, lambda: None

    def _looked(self, epoch: int) -> int:
        self.looks += 1
        if self.looks == self.when:
            self.act()
        return epoch

    def of(self, scope: str) -> int:
        return self._looked(super().of(scope))

    def of_all(self) -> int:
        return self._looked(super().of_all())


class BetweenTests(PollTestCase):
    def restart(self, *, timeout: float = 60.0, freshness: float = 1.0) -> None:
        """Make the service anew, beside another process."""
        self.agent = RequestTraversalAgent(api_root(self.mock))
        self.epochs = Interrupted()
        driver = DeltacloudFactory().driver(Backend("http://localhost:3001/api"), self.clock, self.agent)
        self.cloud = Cloud.of("deltacloud", driver, self.store, self.clock, self._entropy, freshness, self.epochs)
        authenticator = Authenticator(Accounts.mock(), self.clock.seconds)
        self.regions = Regions([self.cloud], any_name=True)
        self.service = EC2Service(authenticator, ACTIONS, self.regions, Pager(b"key"))
        self.other = Ledger(MemoryStateStore(self.store), "deltacloud/mockuser", self.epochs)

    def tag(self) -> None:
        """Have the other process remember another tag; it is answered at once."""
        self.tags += 1
        self.epochs.when = -1
        self.successResultOf(Deferred.fromCoroutine(self._tag()))

    async def _tag(self) -> None:
        await self.other.tag("inst0", {"n": f"tag-{self.tags}"})

    def assert_seen(self, pause: float) -> None:
        """Whenever the other process acts during a poll, the next poll shows what it did.

        :param pause: seconds between the polls.
        """
        when = 0
        while True:
            when += 1
            self.make()
            self.tags = 0
            self.epochs.act = self.tag
            for _ in range(2):
                self.answer(self.poll())
                self.clock.advance(pause)
            self.epochs.looks, self.epochs.when = 0, when
            self.answer(self.poll())
            if self.epochs.looks < when:
                break
            self.assertIn(b"tag-1", self.answer(self.poll()), f"after look {when}")
        self.assertGreater(when, 1)

    def test_while_it_is_found(self) -> None:
        """An answer that holds."""
        self.assert_seen(0.0)

    def test_while_it_is_renewed(self) -> None:
        """An answer that has to be looked at again."""
        self.assert_seen(2.0)

    def test_while_it_is_made(self) -> None:
        """An answer that is made anew, for somebody has changed something just before."""
        when = 0
        while True:
            when += 1
            self.make()
            self.tags = 0
            self.epochs.act = self.tag
            self.answer(self.poll())
            self.tag()
            self.epochs.looks, self.epochs.when = 0, when
            self.answer(self.poll())
            if self.epochs.looks < when:
                break
            self.assertIn(b"tag-2", self.answer(self.poll()), f"after look {when}")
        self.assertGreater(when, 3)
