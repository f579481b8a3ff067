"""What can go wrong in the domain, in no protocol's words.

Drivers raise these and nothing else; one function of the actions room turns them into EC2 errors. A message is
for the client's eyes: one cleaned line of the backend's, never a backtrace, a path or a secret.
"""

from collections.abc import Iterable


class CloudError(Exception):
    """The base of all that a cloud can answer instead of what was asked for.

    :param message: one line, fit for a client to read.
    :param ambiguous: the backend may have carried the call out all the same (the answer was lost).
    """

    def __init__(self, message: str = "", *, ambiguous: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.ambiguous = ambiguous


class NotFound(CloudError):
    """Some objects are not there.

    :param kind: the collection they were looked for in, ``instances``, ``images``, ``keys``, ….
    :param ids: every id that is missing.
    """

    def __init__(self, kind: str, ids: Iterable[str], message: str = "") -> None:
        self.kind = kind
        self.ids = tuple(ids)
        super().__init__(message or f"no such {kind}: {', '.join(self.ids)}")


class Conflict(CloudError):
    """An object of that name is there already.

    :param kind: the collection, ``keys``, ….
    :param name: the name that is taken.
    """

    def __init__(self, kind: str, name: str, message: str = "") -> None:
        self.kind = kind
        self.name = name
        super().__init__(message or f"{name} exists already in {kind}")


class WrongState(CloudError):
    """The object's present state does not allow that (Deltacloud's 405)."""


class InvalidRequest(CloudError):
    """The backend understood the call and refuses a value in it (Deltacloud's 400)."""


class Unsupported(CloudError):
    """This backend cannot do that: a collection, a feature or an operation it lacks (412, 501)."""


class IdempotencyMismatch(CloudError):
    """The token of an earlier request came with other parameters."""


class OutcomeUnknown(CloudError):
    """The backend may have carried out a call that must not be repeated blindly."""


class Unauthenticated(CloudError):
    """The backend refuses the credentials, or there were none (401)."""


class Forbidden(CloudError):
    """The backend knows the caller and does not allow that (403)."""


class BackendError(CloudError):
    """The backend failed, or answered what is not Deltacloud's."""


class BackendUnavailable(BackendError):
    """The backend cannot be reached, or says that its provider is down (502, 503)."""


class BackendTimeout(BackendError):
    """The backend, or the provider behind it (504), did not answer in time."""


class StateUnavailable(CloudError):
    """What ec2proxy itself remembers cannot be read or written now; a write may have been stored all the same."""

    def __init__(self, message: str = "What ec2proxy remembers cannot be reached.") -> None:
        super().__init__(message, ambiguous=True)
