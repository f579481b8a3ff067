"""Epochs: nothing that was there before a write looks current after it."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ec2proxy.cloud.epochs import LocalEpochs
from ec2proxy.interfaces import IEpochs

SCOPES = st.sampled_from(["here/me/keys", "here/you/keys", "here/me/instances", "there/me/keys"])


class LocalEpochsTests(SynchronousTestCase):
    def test_interface(self):
        verifyObject(IEpochs, LocalEpochs())

    def test_a_write_is_its_own_scope_s(self):
        epochs = LocalEpochs()
        before = epochs.of("here/me/keys"), epochs.of("here/you/keys")
        epochs.bump("here/me/keys")
        self.assertNotEqual(epochs.of("here/me/keys"), before[0])
        self.assertEqual(epochs.of("here/you/keys"), before[1])

    def test_settled_at_once(self):
        self.successResultOf(Deferred.fromCoroutine(LocalEpochs().settled()))

    @given(st.lists(SCOPES, max_size=30), st.integers(1, 3))
    def test_never_what_it_was(self, writes, most):
        """Also where scopes are forgotten."""
        epochs = LocalEpochs(most)
        seen = {}
        for scope in writes:
            before = epochs.of_all()
            epochs.bump(scope)
            self.assertGreater(epochs.of_all(), before)
            self.assertNotIn(epochs.of(scope), seen.setdefault(scope, set()))
            for other in ("here/me/keys", "here/you/keys", "here/me/instances", "there/me/keys"):
                seen.setdefault(other, set()).add(epochs.of(other))

    @given(st.lists(SCOPES, max_size=30))
    def test_forgotten_at_most_once_too_often(self, writes):
        """What is not forgotten does not change without a write."""
        epochs = LocalEpochs()
        for scope in writes:
            others = {other: epochs.of(other) for other in writes if other != scope}
            epochs.bump(scope)
            self.assertEqual({other: epochs.of(other) for other in others}, others)
