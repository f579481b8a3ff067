"""What the parts of the driver contract share: the driver under test, and how its calls are judged."""

# trial's assertions have no types.
# mypy: disable-error-code="no-untyped-call"

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy import errors
from ec2proxy.interfaces import ICloudDriver
from ec2proxy.model import Credentials, Instance, InstanceSpec, StateMachine

_T = TypeVar("_T")


@frozen
class Subject:
    """A driver under test, and what its tests have to know of the backend behind it.

    :param driver: the driver, new.
    :param credentials: of a user who may do everything.
    :param other: of another such user.
    :param wrong: of nobody.
    :param spec: from which an instance can be created, with no optional feature used.
    :param settle: lets the backend finish what it has begun (an instance that is PENDING).
    :param hang: makes the backend take calls without answering them until ``heal``.
    :param heal: ends what ``hang`` began.
    """

    driver: ICloudDriver
    credentials: Credentials
    other: Credentials
    wrong: Credentials
    spec: InstanceSpec
    settle: Callable[[], None]
    hang: Callable[[], None]
    heal: Callable[[], None]


class DriverContract(SynchronousTestCase):
    """What the parts of the suite share."""

    subject: Subject

    def make_subject(self) -> Subject:
        """A new subject; the suite's maker says how."""
        raise NotImplementedError

    def setUp(self) -> None:
        """Begin with a new driver."""
        self.subject = self.make_subject()
        self.driver = self.subject.driver
        self.mine = self.subject.credentials

    def done(self, call: Awaitable[_T]) -> _T:
        """What a call gave."""
        return self.successResultOf(started(call))

    def refused(self, kind: type[errors.CloudError], call: Awaitable[object]) -> Any:
        """The error of a call that has to fail in just that way."""
        return self.failureResultOf(started(call), kind).value

    def created(self) -> Instance:
        """A new instance, settled."""
        (instance,) = self.done(self.driver.instances.create(self.mine, self.subject.spec))
        self.subject.settle()
        return self.now(instance.id)

    def now(self, instance_id: str) -> Instance:
        """What an instance is now."""
        instance: Instance = self.done(self.driver.instances.get(self.mine, instance_id))
        return instance

    def machine(self) -> StateMachine:
        """The backend's life cycle."""
        return self.done(self.driver.capabilities(self.mine)).states


def started(call: Awaitable[_T]) -> Deferred[_T]:
    async def run() -> _T:
        return await call

    return Deferred.fromCoroutine(run())
