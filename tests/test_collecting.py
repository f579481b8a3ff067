"""When Python looks for garbage."""

import gc

from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.collecting import THRESHOLDS, collect_seldom


class CollectingTests(SynchronousTestCase):
    """What becomes of the objects that are there at the start."""

    def test_left_out(self) -> None:
        """They are not looked at any more, and later ones less often."""
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(gc.unfreeze)
        there = len(gc.get_objects())
        collect_seldom()
        self.assertGreaterEqual(gc.get_freeze_count(), there)
        self.assertEqual(gc.get_threshold(), THRESHOLDS)
