"""Answers as STS writes them, the Security Token Service, whose one action tells who asks.

The forms are those of the "query" protocol in botocore's model of STS (``sts/2011-06-15/service-2.json``).
"""

from ec2proxy.ec2 import xml
from ec2proxy.ec2.xml import Payload

VERSION = "2011-06-15"
"""The only one there is; EC2 has no version of that day, so it tells requests to STS from those to EC2."""

_NAMESPACE = f"https://sts.amazonaws.com/doc/{VERSION}/"


def response(action: str, request_id: str, result: Payload) -> bytes:
    """The document that answers an action.

    :param action: ``GetCallerIdentity``.
    """
    members = {f"{action}Result": result, "ResponseMetadata": {"RequestId": request_id}}
    return xml.document(f"{action}Response", _NAMESPACE, members)


def error(status: int, code: str, message: str, request_id: str) -> bytes:
    """The document that says no.

    :param status: the HTTP status it goes out with, which tells whose fault it is.
    """
    whose = "Sender" if status < 500 else "Receiver"
    members: Payload = {"Error": {"Type": whose, "Code": code, "Message": message}, "RequestId": request_id}
    return xml.document("ErrorResponse", _NAMESPACE, members)
