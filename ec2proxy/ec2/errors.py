"""What EC2 answers when it does not do what it was asked: a code, a message and an HTTP status."""

# Statuses: 'Error codes for the Amazon EC2 API' in the EC2 API reference, and what clients were seen to retry on.
# A code that is not here is a mistake of the client's: 400.
_STATUS = {
    "AuthFailure": 401,
    "DryRunOperation": 412,
    "InsufficientInstanceCapacity": 500,
    "InternalError": 500,
    "InvalidClientTokenId": 403,
    "MissingAuthenticationToken": 403,
    "RequestEntityTooLarge": 413,
    "RequestLimitExceeded": 503,
    "SignatureDoesNotMatch": 403,
    "UnauthorizedOperation": 403,
    "Unavailable": 503,
}

_SHOWN = 128


class EC2Error(Exception):
    """An answer that says no, in EC2's words.

    :param code: EC2's error code, ``InvalidParameterValue``.
    :param message: for the client's eyes: no secret, no path, no backtrace.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        """Code and message in one line."""
        return f"{self.code}: {self.message}"

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return _STATUS.get(self.code, 400)


def shown(value: str) -> str:
    """A value of the client's as a message may show it: cut to a bounded length."""
    return value if len(value) <= _SHOWN else value[:_SHOWN] + "..."


def invalid_value(name: str, value: str, why: str = "") -> EC2Error:
    """The error for a parameter that was understood but whose value cannot be taken.

    :param why: a sentence that says what is wrong, or nothing.
    """
    return EC2Error(
        "InvalidParameterValue", f"Value ({shown(value)}) for parameter {shown(name)} is invalid. {why}".rstrip()
    )
