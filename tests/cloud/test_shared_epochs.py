"""Shared epochs: what one process has written, no other takes for unwritten."""

import os
import subprocess
import sys
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ec2proxy.cloud.shared_epochs import SharedEpochs, memory_of_epochs
from ec2proxy.interfaces import IEpochs
from tests.e2e.daemons import environment

PROCESSES = 3
ALL = ["here/me/keys", "here/you/keys", "here/me/instances", "there/me/ledger", "übrig/\udcff/keys"]
SCOPES = st.sampled_from(ALL)
#: Who does what: writes to a scope, dies and is replaced (None), or finds that another died ("").
STEPS = st.lists(st.tuples(st.integers(0, PROCESSES - 1), st.none() | st.just("") | SCOPES), max_size=40)


class SharedEpochsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.memory = memory_of_epochs(PROCESSES)
        self.addCleanup(os.close, self.memory)

    def processes(self, memory: int | None = None) -> list[SharedEpochs]:
        """As many as there can be, each with a mapping of its own."""
        memory = self.memory if memory is None else memory
        return [SharedEpochs(memory, PROCESSES, column) for column in range(PROCESSES)]

    def test_interface(self) -> None:
        verifyObject(IEpochs, self.processes()[0])

    def test_seen_by_all(self) -> None:
        """A write counts for everybody, in its own scope."""
        one, two, three = self.processes()
        two.bump("here/me/keys")
        self.assertEqual([each.of("here/me/keys") for each in (one, two, three)], [1, 1, 1])
        self.assertEqual(one.of("here/you/keys"), 0)
        self.successResultOf(Deferred.fromCoroutine(two.settled()))

    def test_no_such_column(self) -> None:
        """A process without a column of its own would overwrite another's counters."""
        for columns, column in ((PROCESSES, PROCESSES), (PROCESSES, -1), (10**9, 0)):
            self.assertRaises(ValueError, SharedEpochs, self.memory, columns, column)

    @given(STEPS, st.sampled_from([1, 2, 1000]))
    def test_model(self, steps: list[tuple[int, str | None]], rows: int) -> None:
        """After each write all see one and the same epoch of its scope, which nobody has seen before."""
        memory = memory_of_epochs(PROCESSES, rows)
        self.addCleanup(os.close, memory)
        live = self.processes(memory)
        seen: dict[str, set[int]] = {scope: {0} for scope in ALL}
        for who, what in steps:
            before = live[0].of_all()
            if what is None:
                live[who] = SharedEpochs(memory, PROCESSES, who)
            elif what:
                live[who].bump(what)
            else:
                live[who].bump_all()
            (after,) = {each.of_all() for each in live}
            (self.assertEqual if what is None else self.assertGreater)(after, before)
            for scope in ALL:
                (epoch,) = {each.of(scope) for each in live}
                if what == "" or what == scope:
                    self.assertNotIn(epoch, seen[scope])
                # Also never back to one that meant less.
                self.assertGreaterEqual(epoch, max(seen[scope]))
                seen[scope].add(epoch)

    def test_apart(self) -> None:
        """Others' scopes keep their epochs, as long as there are many more rows than scopes."""
        one, two, _ = self.processes()
        for number in range(50):
            two.bump(f"here/user{number}/keys")
        self.assertEqual(one.of("here/me/keys"), 0)


COUNTING = """
import sys
from ec2proxy.cloud.shared_epochs import SharedEpochs
epochs = SharedEpochs(int(sys.argv[1]), 3, int(sys.argv[2]))
for _ in range(int(sys.argv[3])):
    epochs.bump("here/me/keys")
print(epochs.of("here/me/keys"))
"""


class ProcessesTests(SynchronousTestCase):
    def test_at_once(self) -> None:
        """Two real processes count at the same time: none is lost, and what is seen meanwhile only grows."""
        memory = memory_of_epochs(3)
        self.addCleanup(os.close, memory)
        epochs = SharedEpochs(memory, 3, 0)
        times = 100_000
        arguments = [sys.executable, "-c", COUNTING, str(memory)]
        counting = [
            subprocess.Popen(
                [*arguments, str(column), str(times)], pass_fds=[memory], stdout=subprocess.PIPE, env=environment()
            )
            for column in (1, 2)
        ]
        seen = [0]
        while any(process.poll() is None for process in counting):
            seen.append(epochs.of("here/me/keys"))
        self.assertEqual([process.wait() for process in counting], [0, 0])
        last = [int(process.communicate()[0]) for process in counting]
        self.assertTrue(all(before <= after for before, after in pairwise(seen)))
        self.assertEqual(epochs.of("here/me/keys"), 2 * times)
        self.assertEqual(max(last), 2 * times)
