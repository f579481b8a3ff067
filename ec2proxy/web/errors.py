"""The one place where a failure becomes an answer."""

from twisted.logger import Logger
from twisted.python.failure import Failure

from ec2proxy.ec2 import sts, xml
from ec2proxy.ec2.errors import EC2Error
from ec2proxy.ec2.trace import Trace
from ec2proxy.web.answers import Answer

_log = Logger()

# RFC 9110 wants a challenge with every 401. curl and browsers then know that Basic is taken; the SDKs look at the
# body alone.
_CHALLENGE = (b"WWW-Authenticate", b'Basic realm="ec2proxy", charset="UTF-8"')

# Throttling and a backend that is down pass in seconds; Go's SDK waits for what it is told here.
_RETRY_AFTER = (b"Retry-After", b"1")


def explained(failure: Failure, trace: Trace) -> Answer:
    """The answer to a request that failed. What was not expected is logged with its traceback, and told to nobody.

    :param failure: an :exc:`~ec2proxy.ec2.errors.EC2Error`, or a mistake of ours.
    :param trace: of the request; what it says of the API decides whose form the answer has.
    """
    error = failure.value
    if isinstance(error, EC2Error):
        return _refusal(error.status, error.code, error.message, trace)
    _log.failure("Request {request_id} failed", failure, request_id=trace.request_id)
    return _refusal(500, "InternalError", "An internal error has occurred.", trace)


def refusal(
    status: int, code: str, message: str, request_id: str, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> Answer:
    """An answer that says no, as EC2 says it: to a request that is not known to be for anyone else.

    :param status: the HTTP status.
    :param code: EC2's code.
    :param headers: what goes with it, an ``Allow`` say.
    """
    return _answer(status, code, xml.error(code, message, request_id), headers)


def _refusal(status: int, code: str, message: str, trace: Trace) -> Answer:
    """An answer that says no, as the API says it that was asked."""
    if trace.api == "sts":
        return _answer(status, code, sts.error(status, code, message, trace.request_id), ())
    return refusal(status, code, message, trace.request_id)


def _answer(status: int, code: str, body: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> Answer:
    if status == 401:
        headers = (*headers, _CHALLENGE)
    elif status == 503:
        headers = (*headers, _RETRY_AFTER)
    return Answer(status, body, headers=headers, code=code)
