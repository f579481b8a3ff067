"""The channel between the first process and a worker."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.workers.channel import Channel, Failed, Handler, Joining

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


class Pair:
    """Two ends, and what carries bytes between them."""

    def __init__(self, **handlers: Handler) -> None:
        self.here, self.there = Channel({}), Channel(handlers)
        self.wires = StringTransport(), StringTransport()
        for end, wire in zip((self.here, self.there), self.wires, strict=True):
            assert Joining(end).buildProtocol(None) is end
            end.makeConnection(wire)

    def flow(self, size: int = 10**9) -> None:
        """Carry what was sent, in pieces of ``size`` bytes."""
        for wire, end in zip(self.wires, (self.there, self.here), strict=True):
            data = wire.value()
            wire.clear()
            for begin in range(0, len(data), size):
                end.dataReceived(data[begin : begin + size])

    def end(self) -> None:
        """Have the other side go away."""
        self.here.connectionLost(Failure(ConnectionDone()))


class ChannelTests(SynchronousTestCase):
    @given(st.lists(JSON, max_size=4), st.integers(1, 9))
    def test_told(self, values: list[Any], size: int) -> None:
        """What is told arrives as it was, in its order, however it is cut on its way."""
        heard: list[Any] = []
        pair = Pair(say=heard.append)
        for value in values:
            pair.here.tell("say", value)
        pair.flow(size)
        self.assertEqual(heard, values)
        self.assertEqual(pair.wires[1].value(), b"")

    def test_asked(self) -> None:
        """Answers find those who asked, also where a later question is answered first."""
        waiting: dict[str, Deferred[str]] = {"a": Deferred(), "b": Deferred()}
        pair = Pair(ask=lambda value: waiting[value])
        answers = {name: pair.here.ask("ask", name) for name in waiting}
        pair.flow()
        waiting["b"].callback("b's")
        pair.flow()
        self.assertNoResult(answers["a"])
        waiting["a"].callback("a's")
        pair.flow()
        self.assertEqual(
            {name: self.successResultOf(answer) for name, answer in answers.items()}, {"a": "a's", "b": "b's"}
        )

    def test_failed(self) -> None:
        """What cannot be done is logged where it could not, and told without its details; the next one is done."""

        def fail(value: Any) -> None:
            raise ValueError("secret")

        pair = Pair(fail=fail, say=lambda value: None)
        failing, unknown, fine = (pair.here.ask(name) for name in ("fail", "nothing", "say"))
        pair.here.tell("fail")
        pair.flow()
        for asked, name in ((failing, "fail"), (unknown, "nothing")):
            self.assertEqual(self.failureResultOf(asked, Failed).value.args, (name,))
        self.assertIsNone(self.successResultOf(fine))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 2)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_gone(self) -> None:
        """Whoever waits for one that goes away is told, and so is who asks it later; telling it does nothing."""
        pair = Pair(ask=lambda value: Deferred())
        before = pair.here.ask("ask")
        self.assertNoResult(pair.here.gone)
        pair.end()
        self.successResultOf(pair.here.gone)
        self.failureResultOf(before, ConnectionDone)
        self.failureResultOf(pair.here.ask("ask"), ConnectionDone)
        sent = pair.wires[0].value()
        pair.here.tell("say")
        self.assertEqual(pair.wires[0].value(), sent)

    def test_answers_nobody(self) -> None:
        """An answer for one who is not there any more, or waits no longer, does no harm."""
        answer: Deferred[int] = Deferred()
        pair = Pair(ask=lambda value: answer)
        asked = pair.here.ask("ask")
        asked.addErrback(lambda failure: None)
        asked.cancel()
        pair.flow()
        pair.there.connectionLost(Failure(ConnectionDone()))
        answer.callback(1)
        self.assertEqual(pair.wires[1].value(), b"")

    def test_close(self) -> None:
        """It can be closed, also before it is open."""
        Channel({}).close()
        pair = Pair()
        pair.here.close()
        self.assertTrue(pair.wires[0].disconnecting)
