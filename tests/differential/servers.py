"""The two servers, and the calls that they get."""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from tests.differential.cases import Case
from tests.differential.shapes import Outcome, shape
from tests.e2e.cases import PASSWORD, USER
from tests.e2e.daemons import Daemon

_MOTO_LISTENS = re.compile(r"Running on http://127\.0\.0\.1:(\d+)")

#: The servers judge what is missing, not boto3.
_CONFIG = Config(retries={"total_max_attempts": 1}, proxies={}, parameter_validation=False, read_timeout=60)

_LOGIN = {"aws_access_key_id": USER, "aws_secret_access_key": PASSWORD, "region_name": "us-east-1"}

_PATIENCE = {"Delay": 0.1, "MaxAttempts": 300}


@contextmanager
def running(daemon: Daemon) -> Iterator[Daemon]:
    """Stop a daemon at the end."""
    try:
        yield daemon
    finally:
        daemon.stop()


def start_moto() -> Daemon:
    """moto's server, on a free port."""
    return Daemon([str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", "0"], _MOTO_LISTENS)


class Server:
    """One of the two.

    :param url: where it is.
    :param names: what ``$name`` stands for here.
    """

    def __init__(self, url: str, names: Mapping[str, Any]) -> None:
        self._clients = {
            name: boto3.client(name, endpoint_url=url, config=_CONFIG, **_LOGIN) for name in ("ec2", "sts")
        }
        self._names = dict(names)

    def call(self, case: Case) -> Outcome:
        """Call it, and wait for what the case waits for.

        :raises LookupError: an answer lacks what later calls need.
        """
        client = self._clients["sts" if case.action == "GetCallerIdentity" else "ec2"]
        method = next(method for method, action in client.meta.method_to_api_mapping.items() if action == case.action)
        try:
            answer = getattr(client, method)(**self._filled(case.parameters))
        except ClientError as error:
            return Outcome(error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"], {})
        except ResponseParserError:
            return Outcome(500, "crash", {})
        status = answer.pop("ResponseMetadata")["HTTPStatusCode"]
        for name, path in case.keep.items():
            self._names[name] = _at(answer, path)
        if case.then:
            self._clients["ec2"].get_waiter(case.then).wait(
                InstanceIds=[self._names["instance"]], WaiterConfig=_PATIENCE
            )
        return Outcome(status, "", shape(answer))

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._filled(child) for key, child in value.items()}
        if isinstance(value, list):
            return [self._filled(child) for child in value]
        return self._names[value[1:]] if isinstance(value, str) and value.startswith("$") else value


def first_image(url: str) -> str:
    """An image that moto has from the beginning."""
    client = boto3.client("ec2", endpoint_url=url, config=_CONFIG, **_LOGIN)
    image: str = client.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    return image


def _at(answer: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        answer = answer[key]
    return answer
