"""The one place where a failure becomes an answer."""

from twisted.logger import Logger
from twisted.python.failure import Failure

from ec2proxy.ec2 import xml
from ec2proxy.ec2.errors import EC2Error
from ec2proxy.web.answers import Answer

_log = Logger()

# RFC 9110 wants a challenge with every 401. curl and browsers then know that Basic is taken; the SDKs look at the
# body alone.
_CHALLENGE = (b"WWW-Authenticate", b'Basic realm="ec2proxy", charset="UTF-8"')

# Throttling and a backend that is down pass in seconds; Go's SDK waits for what it is told here.
_RETRY_AFTER = (b"Retry-After", b"1")


def explained(failure: Failure, request_id: str) -> Answer:
    """The answer to a request that failed. What was not expected is logged with its traceback, and told to nobody.

    :param failure: an :exc:`~ec2proxy.ec2.errors.EC2Error`, or a mistake of ours.
    """
    error = failure.value
    if isinstance(error, EC2Error):
        return refusal(error.status, error.code, error.message, request_id)
    _log.failure("Request {request_id} failed", failure, request_id=request_id)
    return refusal(500, "InternalError", "An internal error has occurred.", request_id)


def refusal(
    status: int, code: str, message: str, request_id: str, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> Answer:
    """An answer that says no, as EC2 says it.

    :param status: the HTTP status.
    :param code: EC2's code.
    :param headers: what goes with it, an ``Allow`` say.
    """
    if status == 401:
        headers = (*headers, _CHALLENGE)
    elif status == 503:
        headers = (*headers, _RETRY_AFTER)
    return Answer(status, xml.error(code, message, request_id), headers=headers, code=code)
