"""The contract suite, run on the Deltacloud driver before every kind of backend."""

from treq.testing import RequestTraversalAgent
from twisted.internet.task import Clock

from ec2proxy.drivers.deltacloud.driver import DeltacloudFactory
from ec2proxy.mockcloud.cloud import MockCloud
from ec2proxy.mockcloud.resource import api_root
from ec2proxy.model import Backend
from ec2proxy.testing.driver_contract import Subject, make_driver_tests
from tests.drivers.support import BASE, MINE, OTHER, SPEC, USERS, WRONG, one_key

_MUCH = (
    "user_name",
    "authentication_key",
    "instance_states",
    "networks",
    "subnets",
    "network_interfaces",
    "storage_volumes",
)


def subject_maker(**options):
    """What makes a subject before a mock cloud with these options."""

    def make():
        clock = Clock()
        cloud = MockCloud(clock, users=USERS, make_key=one_key, **options)
        agent = RequestTraversalAgent(api_root(cloud))

        def settle():
            clock.advance(60)
            agent.flush()

        return Subject(
            driver=DeltacloudFactory().driver(Backend(BASE, timeout=3600), clock, agent),
            credentials=MINE,
            other=OTHER,
            wrong=WRONG,
            spec=SPEC,
            settle=settle,
            hang=lambda: cloud.trouble.never_answer(times=None),
            heal=cloud.trouble.clear,
        )

    return make


class MockTests(make_driver_tests(subject_maker())):
    """The mock driver's life cycle: stop, then destroy."""


class PendingTests(make_driver_tests(subject_maker(pending=30, stopping=10, launch_time="ctime"))):
    """Instances take their time."""


class OpenStackTests(make_driver_tests(subject_maker(machine="openstack"))):
    """Stop destroys."""


class RhevmTests(make_driver_tests(subject_maker(machine="rhevm"))):
    """A created instance is stopped, and an action is answered with a redirect."""


class BareTests(make_driver_tests(subject_maker(without=_MUCH))):
    """A backend that has few features and collections, and does not tell its life cycle."""


class FullTests(make_driver_tests(subject_maker(features=("user_data", "firewalls", "import_key")))):
    """A backend that has all features."""
