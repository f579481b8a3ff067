"""The limit of descriptors, in processes of their own: what is raised here would stay so for all other tests."""

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.listening.limits import most_connections
from tests.e2e.daemons import environment

_CODE = """
import resource, sys
from twisted.logger import globalLogPublisher, formatEvent
globalLogPublisher.addObserver(lambda event: print(formatEvent(event)))
limit = resource.RLIMIT_NOFILE
resource.setrlimit(limit, ({soft}, {hard}))
{before}
from ec2proxy.listening.limits import descriptor_limit, raise_descriptor_limit
raise_descriptor_limit()
print(descriptor_limit(), resource.getrlimit(limit)[0])
"""
_FORBIDDEN = """
def forbidden(*arguments):
    raise PermissionError(1, "Operation not permitted")
resource.setrlimit = forbidden
"""
_ENDLESS = """
asked = []
resource.getrlimit = lambda limit: asked[-1] if asked else ({soft}, resource.RLIM_INFINITY)
resource.setrlimit = lambda limit, wanted: asked.append(wanted)
"""


def lines(soft: object, hard: object, before: str = "") -> list[str]:
    """What a process with these limits writes, that raises them."""
    code = _CODE.format(soft=soft, hard=hard, before=before)
    return subprocess.check_output([sys.executable, "-c", code], env=environment(), text=True).splitlines()


class RaiseTests(SynchronousTestCase):
    def test_raised(self) -> None:
        """The soft limit becomes the hard one, and the log tells."""
        self.assertEqual(lines(50, 200), ["The limit of descriptors is raised from 50 to 200", "200 200"])

    def test_high_already(self) -> None:
        """Nothing is done where it is so."""
        self.assertEqual(lines(200, 200), ["200 200"])

    def test_forbidden(self) -> None:
        """Where it may not be raised, the daemon makes do with what there is."""
        told = "The limit of 50 descriptors cannot be raised: [Errno 1] Operation not permitted"
        self.assertEqual(lines(50, 200, _FORBIDDEN), [told, "50 50"])

    def test_endless(self) -> None:
        """Without a hard limit a million will do."""
        for soft, expected in ((50, "1048576 1048576"), ("resource.RLIM_INFINITY", "1048576 -1")):
            self.assertEqual(lines(50, 200, _ENDLESS.format(soft=soft))[-1], expected)


class RoomTests(SynchronousTestCase):
    def test_room(self) -> None:
        """Some descriptors are kept for other things, of few as well, and one for each call of a backend."""
        self.assertEqual([most_connections(limit, 64) for limit in (20, 256, 1024, 65536)], [10, 128, 896, 65408])
        self.assertEqual([most_connections(limit, 300) for limit in (256, 1024)], [128, 660])
