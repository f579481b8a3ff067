"""What the listening side and the actions have between them. As in :mod:`ec2proxy.interfaces`, only interfaces."""

# Interface methods have no self, and mypy-zope wants them so.
# mypy: disable-error-code="empty-body"
# ruff: noqa: N805

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from ec2proxy.ec2.request import RawRequest
from ec2proxy.ec2.trace import Trace
from ec2proxy.ec2.xml import Envelope


class IRepeat(Interface):
    """What was found out about a request that was answered at once, for those that repeat it.

    A client that polls sends the same request over and over. It differs in when it was signed, in the signature, and
    in headers that mean nothing to us.
    """

    over = Attribute("Whether it is of no more use: accounts, regions or the day are others now.")

    trace = Attribute("What is known of each of the requests, for the log; it has no id.")

    def answer(moment: bytes, signature: bytes, now: float) -> Envelope | None:
        """The answer to the same request signed at another moment.

        :param moment: its ``X-Amz-Date``.
        :param signature: what its ``Authorization`` ends with.
        :param now: the clock's seconds.
        :returns: None where the signature is wrong or no answer is kept that holds; then :meth:`IEC2Service.perform`
            is to be asked.
        """


class IEC2Service(Interface):
    """What the listening side hands each EC2 request to."""

    def perform(request: RawRequest, trace: Trace) -> bytes | Coroutine[Deferred[Any], Any, bytes]:
        """Prove who sent a request, carry out the action it names, and give the XML of its answer.

        What can be told at once is told at once: an answer that still holds as bytes, what is wrong with the request
        itself as an error. All else is a coroutine; cancelling it cancels the backend's call that it waits for, if that
        is safe to cancel.

        :param trace: bears the request's id; what is learnt of the request is noted there, for the log.
        :raises EC2Error: what the client is to be told instead; the coroutine raises it too.
        """

    def repeatable(request: RawRequest) -> "IRepeat | None":
        """What answers requests that repeat one which :meth:`perform` has just answered at once.

        :returns: None if it was not signed in a header, or if more of it is signed than what stays the same and
            ``X-Amz-Date``.
        """
