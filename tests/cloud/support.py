"""What the tests of the cloud room share: a whole Cloud before a mock cloud, without a network."""

from itertools import count

from treq.testing import RequestTraversalAgent
from twisted.internet.task import Clock

from ec2proxy.cloud.cloud import Cloud
from ec2proxy.cloud.launch import Order
from ec2proxy.drivers.deltacloud.driver import DeltacloudFactory
from ec2proxy.mockcloud.cloud import MockCloud
from ec2proxy.mockcloud.resource import api_root
from ec2proxy.model import Backend, Credentials, InstanceSpec
from ec2proxy.state.memory import MemoryStateStore
from tests.drivers.support import one_key
from tests.waiting import WaitingTestCase

MINE = Credentials("mockuser", "mockpassword")
OTHER = Credentials("other", "s3cret")
WRONG = Credentials("mockuser", "wrong")
USERS = {one.user: one.password for one in (MINE, OTHER)}
SPEC = InstanceSpec("img1", "m1-small", "us")
EPOCH = 1_800_000_000.0


class CloudTestCase(WaitingTestCase):
    """A test with a cloud that has no instances yet, on a clock of its own."""

    def setUp(self):
        self.make()

    def make(self, *, freshness=1.0, store=None, timeout=60.0, **options):
        """Make the backend and the cloud before it."""
        self.clock = Clock()
        self.clock.advance(EPOCH)
        self.backend = MockCloud(self.clock, users=USERS, make_key=one_key, keep_requests=2000, **options)
        for instance_id in list(self.backend.instances):
            self.backend.instances.remove(instance_id)
        self.store = MemoryStateStore() if store is None else store
        self.agents = []
        numbers = count(1)
        self.entropy = lambda size: next(numbers).to_bytes(size, "little")
        self.restart(freshness=freshness, timeout=timeout)

    def restart(self, *, freshness=1.0, timeout=60.0, region="here", epochs=None):
        """Make the cloud anew, before the same backend and the same store."""
        self.agents.append(RequestTraversalAgent(api_root(self.backend)))
        backend = Backend("http://localhost:3001/api", timeout=timeout)
        self.driver = DeltacloudFactory().driver(backend, self.clock, self.agents[-1])
        self.cloud = Cloud.of(region, self.driver, self.store, self.clock, self.entropy, freshness, epochs)
        self.lifecycle = self.cloud.lifecycle
        self.addCleanup(lambda cloud: self.done(cloud.lifecycle.stop()), self.cloud)

    def launch(self, spec=SPEC, *, least=1, most=1, credentials=MINE, **options):
        """What launching an order gives."""
        return self.done(self.cloud.launcher.launch(credentials, Order(spec, least, most, **options)))

    def one(self, **options):
        """The id of a new instance."""
        (instance_id,) = self.launch(**options).instance_ids
        return instance_id

    def running(self, **options):
        """The id of a new instance that runs, with nothing left to do about it."""
        instance_id = self.one(**options)
        self.until(instance_id, "running")
        while instance_id in self.ledger().work:
            self.later(1)
        return instance_id

    def until(self, instance_id, state, seconds=60):
        """Let time go by until an instance is in an EC2 state; gives the states on the way."""
        seen = [self.states().get(instance_id)]
        while seen[-1] != state:
            self.assertGreater(seconds, 0, f"{instance_id} did not become {state}: {seen}")
            self.later(1)
            seconds -= 1
            if (now := self.states().get(instance_id)) != seen[-1]:
                seen.append(now)
        return seen

    def views(self, credentials=MINE):
        """The instances that EC2 would describe, by id; an id twice is a failure."""
        views = self.done(self.lifecycle.instances(credentials))
        by_id = {view.instance.id: view for view in views}
        self.assertEqual(len(views), len(by_id))
        return by_id

    def states(self, credentials=MINE):
        """Their EC2 states, by id."""
        return {key: view.state.name for key, view in self.views(credentials).items()}

    def do(self, verb, *instance_ids, credentials=MINE):
        """Carry out a verb; gives the previous and the current state of each."""
        plan = self.done(self.lifecycle.plan(credentials, verb, instance_ids))
        self.done(self.lifecycle.carry_out(credentials, plan))
        return [(change.previous.name, change.current.name) for change in plan.changes]

    def ledger(self, credentials=MINE):
        """What is remembered."""
        return self.done(self.lifecycle.ledger(credentials))

    def sent(self, *, reads=False):
        """What the backend has received since it was last asked for: method and path of each call."""
        sent = [(one.method, one.path) for one in self.backend.requests if reads or one.method != "GET"]
        self.backend.requests.clear()
        return sent
