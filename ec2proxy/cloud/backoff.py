"""Leaving a backend that is down alone for a while."""

from collections.abc import Callable

from attrs import define, frozen
from twisted.internet.interfaces import IReactorTime

from ec2proxy.errors import BackendTimeout, BackendUnavailable, CloudError

_DOWN = (BackendUnavailable, BackendTimeout)


@frozen(eq=False)
class Attempt:
    """A call of the backend.

    :param era: what was known of the backend when it began.
    """

    era: int


@define(eq=False)
class Backoff:
    """How long a backend is left alone that could not be reached or did not answer.

    The wait doubles with each failure in a row. When it is over one call tries the backend, and the others wait for
    what that finds out. A failure says nothing where the backend has answered another call since it began: one slow
    call is no dead backend.

    :param random: gives a number from 0 to 1, so that those who wait do not all come back at the same time.
    :param first: seconds of the first wait, at most; half of it at least.
    :param most: seconds that a wait never exceeds.
    """

    _clock: IReactorTime
    _random: Callable[[], float]
    _first: float = 0.25
    _most: float = 4.0
    _failures: int = 0
    _until: float = 0.0
    _reason: str = ""
    _era: int = 0
    _probe: Attempt | None = None

    def refusal(self) -> BackendUnavailable | None:
        """What to tell who wants the backend asked now; None where it may be asked."""
        # A longer wait than there is means that the clock was put back.
        waiting = 0 < self._until - self._clock.seconds() <= self._most
        if self._failures and (self._probe is not None or waiting):
            return BackendUnavailable(self._reason)
        return None

    def begin(self) -> Attempt:
        """Note that a call begins, which :meth:`refusal` has allowed."""
        attempt = Attempt(self._era)
        if self._failures:
            self._probe = attempt
        return attempt

    def end(self, attempt: Attempt, error: BaseException | None) -> None:
        """Note that a call has ended.

        :param error: why it failed; one that is no CloudError (a cancellation) tells nothing about the backend.
        """
        if self._probe is attempt:
            self._probe = None
        if isinstance(error, _DOWN):
            if attempt.era == self._era:
                self._wait(error.message)
        elif error is None or isinstance(error, CloudError):
            # Whatever it answered, it is there.
            self._failures = 0
            self._era += 1

    def _wait(self, reason: str) -> None:
        longest = min(self._most, self._first * 2 ** min(self._failures, 30))
        self._until = self._clock.seconds() + longest * (1 + self._random()) / 2
        self._failures += 1
        self._era += 1
        self._reason = reason
