"""What the replays share: requests in the spelling of each client, and botocore's own waiters and paginators.

A replay is what a tool sends for one of its operations, in its order and spelling, and what it then reads from the
answers: an element that it dereferences must be there. Where a tool waits, the clock is moved on, never slept.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

from botocore import waiter
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.paginate import Paginator
from botocore.parsers import create_parser
from botocore.session import get_session

from ec2proxy.ec2.request import RawRequest
from tests.actions.strict import VERSION, refused
from tests.actions.support import ActionTestCase, Heard
from tests.ec2.signers import FORM, HOST, signed_at

STS = "2011-06-15"

Pair = tuple[str, str]


class ReplayTestCase(ActionTestCase):
    """A test that speaks as some tool does."""

    #: The API version that the tool names.
    version = VERSION
    #: GET puts the parameters into the query.
    method = "POST"

    def setUp(self) -> None:
        # Those that wait with botocore wait on our clock.
        self.patch(waiter, "time", SimpleNamespace(sleep=self.later))
        super().setUp()

    def send(self, action: str, *pairs: Pair, version: str = "", service: str = "ec2") -> Heard:
        """Send just these pairs, in this order, signed with signature 4."""
        named = [("Action", action), *pairs, ("Version", version or self.version)]
        return self.successResultOf(self.perform(self.signed(named, service)))

    def signed(self, pairs: Sequence[Pair], service: str = "ec2", path: str = "/") -> RawRequest:
        """A request with these pairs, a name several times too."""
        form = urlencode(pairs, quote_via=quote, safe="-_.~")
        body, query = (form, "") if self.method == "POST" else ("", f"?{form}")
        request = AWSRequest(self.method, f"http://{HOST}{path}{query}", {"Host": HOST}, body or None)
        if body:
            request.headers["Content-Type"] = FORM
        signer = SigV4Auth(Credentials("mockuser", "mockpassword"), service, "us-east-1")
        return signed_at(signer, request, self.clock.seconds(), body)

    def told_of(self, action: str, *pairs: Pair) -> dict[str, Any]:
        """The answer to these pairs as boto3 would give it, held to botocore's model."""
        return self.understood(action, self.send(action, *pairs), self.version)

    def turned_down(self, code: str, action: str, *pairs: Pair, status: int = 400) -> str:
        """The message of the refusal of these pairs."""
        return self.told(code, self.send(action, *pairs), status)

    def one(self, instance_id: str, *more: Pair) -> dict[str, Any]:
        """The one instance that DescribeInstances tells of, asked for by its id."""
        (reservation,) = self.told_of("DescribeInstances", ("InstanceId.1", instance_id), *more)["Reservations"]
        (instance,) = reservation["Instances"]
        found: dict[str, Any] = instance
        return found

    def seen_until(self, state: str, instance_id: str, *, first: float = 0.0, every: float = 3.0) -> list[str]:
        """The states that polls see, each once, until they see ``state``.

        :param first: seconds before the first poll.
        :param every: seconds between two.
        """
        self.later(first)
        states: list[str] = []
        for _ in range(100):
            found = self.one(instance_id)["State"]["Name"]
            if found not in states[-1:]:
                states.append(found)
            if found == state:
                return states
            self.later(every)
        raise self.failureException(f"{instance_id} never was {state}, but {states}")

    def caller(self) -> dict[str, Any]:
        """Who we are, as STS says."""
        heard = self.send("GetCallerIdentity", version=STS, service="sts")
        self.assertEqual(heard.status, 200, heard.body)
        shape = get_session().get_service_model("sts").operation_model("GetCallerIdentity").output_shape
        response = {"body": heard.body, "headers": {}, "status_code": heard.status}
        found: dict[str, Any] = create_parser("query").parse(response, shape)
        return found


class Boto3:
    """As much of a boto3 client as waiters and paginators need, in front of a test's service."""

    def __init__(self, test: ActionTestCase) -> None:
        self._test = test

    def ask(self, action: str, **params: Any) -> dict[str, Any]:
        """Call an operation.

        :raises ClientError: it is refused.
        """
        heard = self._test.successResultOf(self._test.begin(action, **params))
        if heard.status == 200:
            return {**self._test.understood(action, heard), "ResponseMetadata": {"HTTPStatusCode": heard.status}}
        code, message = refused(heard.body, heard.status)
        metadata = {"HTTPStatusCode": heard.status}
        raise ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, action)

    def wait(self, name: str, **params: Any) -> None:
        """Wait as ``client.get_waiter(name).wait(**params)`` does.

        :raises WaiterError: it ended otherwise, or too late.
        """
        config = get_session().get_waiter_model("ec2", VERSION).get_waiter(name)

        def operation(**asked: Any) -> dict[str, Any]:
            try:
                return self.ask(config.operation, **asked)
            except ClientError as error:
                return dict(error.response)

        waiter.Waiter(name, config, operation).wait(**params)

    def pages(self, action: str, size: int | None = None, **params: Any) -> list[dict[str, Any]]:
        """All pages of ``client.get_paginator(...).paginate(PaginationConfig={"PageSize": size}, **params)``."""
        config = get_session().get_paginator_model("ec2", VERSION).get_paginator(action)
        model = get_session().get_service_model("ec2").operation_model(action)
        paginator = Paginator(lambda **asked: self.ask(action, **asked), config, model)
        return list(paginator.paginate(PaginationConfig={"PageSize": size} if size else {}, **params))


def paginated() -> set[str]:
    """The operations of EC2 that boto3 has paginators for."""
    model = get_session().get_component("data_loader").load_service_model("ec2", "paginators-1", VERSION)
    return set(model["pagination"])


def waiters() -> dict[str, str]:
    """The operation of each waiter that boto3 has for EC2."""
    model = get_session().get_waiter_model("ec2", VERSION)
    return {name: model.get_waiter(name).operation for name in model.waiter_names}
