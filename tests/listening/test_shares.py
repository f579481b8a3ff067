"""Shares: clients are spread over the processes that take them from one socket."""

import errno
import os
import socket
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.listening.acceptor import GRACE, HELP, Acceptor
from ec2proxy.listening.shares import LEAD, Shares, memory_of_shares
from tests.listening.test_acceptor import Counting, Reactor, Scripted


def shares_of(case: SynchronousTestCase, processes: int) -> list[Shares]:
    """The shares of so many processes, each with a mapping of its own."""
    memory = memory_of_shares(processes)
    case.addCleanup(os.close, memory)
    return [Shares(memory, processes, place) for place in range(processes)]


def alone(case: SynchronousTestCase) -> Shares:
    """The shares of the only process."""
    return shares_of(case, 1)[0]


class SharesTests(SynchronousTestCase):
    def test_ahead(self) -> None:
        """Ahead is who has some more than another, which all of them know."""
        one, two, three = shares_of(self, 3)
        self.assertEqual([each.is_ahead() for each in (one, two, three)], [False, False, False])
        one.tell(LEAD)
        self.assertFalse(one.is_ahead())
        one.tell(LEAD + 1)
        self.assertTrue(one.is_ahead())
        two.tell(1)
        # The third has none yet.
        self.assertTrue(one.is_ahead())
        three.tell(1)
        self.assertEqual([each.is_ahead() for each in (one, two, three)], [False, False, False])

    def test_many(self) -> None:
        """Of thousands a few more make no difference."""
        one, two = shares_of(self, 2)
        one.tell(4000)
        two.tell(4200)
        self.assertFalse(two.is_ahead())
        two.tell(4300)
        self.assertTrue(two.is_ahead())

    def test_replaced(self) -> None:
        """Who takes a dead process's place has none of its connections."""
        memory = memory_of_shares(2)
        self.addCleanup(os.close, memory)
        one, other = (Shares(memory, 2, place) for place in range(2))
        one.tell(100)
        other.tell(100)
        self.assertFalse(one.is_ahead())
        Shares(memory, 2, 1)
        self.assertTrue(one.is_ahead())

    @given(st.lists(st.integers(0, 10**6), min_size=1, max_size=6))
    def test_somebody(self, counts: list[int]) -> None:
        """There always is one who takes what comes."""
        shares = shares_of(self, len(counts))
        for each, count in zip(shares, counts, strict=True):
            each.tell(count)
        self.assertFalse(all(each.is_ahead() for each in shares))


class SharingAcceptorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()
        self.here, self.there = shares_of(self, 2)

    def acceptor(self, waiting: int) -> Acceptor:
        """One with so many who wait for it."""
        self.socket = Scripted([None] * waiting)
        listening: Any = self.socket
        acceptor = Acceptor(listening, Counting(), self.reactor, 1, shares=self.here)
        acceptor.startListening()
        self.addCleanup(lambda: [each.close() for each in self.socket.kept])
        return acceptor

    def test_leaves_them(self) -> None:
        """Who has more leaves those who wait to others, who take them; then goes on."""
        acceptor = self.acceptor(1)
        self.here.tell(LEAD + 1)
        acceptor.doRead()
        self.assertEqual((self.reactor.adopted, self.reactor.reading), ([], []))
        self.there.tell(1)
        self.socket.script.clear()
        self.reactor.advance(GRACE)
        self.assertEqual(self.reactor.reading, [acceptor])
        self.socket.script.append(None)
        acceptor.doRead()
        self.assertEqual(len(self.reactor.adopted), 1)

    def test_nobody_takes_them(self) -> None:
        """Those whom nobody takes are taken, some at a time, however many more there are here."""
        acceptor = self.acceptor(HELP + 1)
        self.here.tell(LEAD + 1)
        acceptor.doRead()
        self.reactor.advance(GRACE)
        acceptor.doRead()
        self.assertEqual(len(self.reactor.adopted), HELP)
        acceptor.doRead()
        self.assertEqual((len(self.reactor.adopted), self.reactor.reading), (HELP, []))
        self.reactor.advance(GRACE)
        acceptor.doRead()
        self.assertEqual(len(self.reactor.adopted), HELP + 1)

    def test_later(self) -> None:
        """That others did not take one is no reason to take the next one long after."""
        acceptor = self.acceptor(1)
        self.here.tell(LEAD + 1)
        acceptor.doRead()
        self.reactor.advance(GRACE)
        self.reactor.advance(1)
        acceptor.doRead()
        self.assertEqual((self.reactor.adopted, self.reactor.reading), ([], []))

    def test_stopped(self) -> None:
        """Who stops while it leaves them to others is not woken again."""
        acceptor = self.acceptor(1)
        self.here.tell(LEAD + 1)
        acceptor.doRead()
        acceptor.stopListening()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_no_descriptor(self) -> None:
        """Without a descriptor it waits as ever."""
        acceptor = self.acceptor(0)
        self.socket.script.append(errno.EMFILE)
        acceptor.doRead()
        self.assertEqual((self.socket.family, self.reactor.reading), (socket.AF_INET, []))
