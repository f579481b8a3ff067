"""The clients: writers who launch and terminate, pollers who look, and those who leave."""

import random
import socket
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.e2e.backends import BASIC
from tests.e2e.cases import client
from tests.soak.account import Account

#: How often a writer tries to get an answer. The daemon may be down for a second or two, and the backend hang as long.
TRIES = 15

# What says: not now.
_LATER = frozenset({"Unavailable", "InternalError", "RequestLimitExceeded", "ServiceUnavailable"})


class Client(threading.Thread):
    """One client at work until it is told to stop."""

    def __init__(self, url: str, account: Account, enough: threading.Event, seed: int) -> None:
        super().__init__(daemon=True)
        self.account = account
        self.chance = random.Random(seed)
        self.ec2 = client(url)
        self.url = url
        self._enough = enough

    def run(self) -> None:
        """Work."""
        while not self._enough.is_set():
            try:
                self.work()
            except Exception as error:
                self.account.wrong.append(f"{type(self).__name__}: {error!r}")
                raise

    def work(self) -> None:
        """One piece of work."""
        raise NotImplementedError

    def asked(self, action: str, ask: Callable[[], Any]) -> Any:
        """What was answered; None if nothing certain was.

        :raises ClientError: the daemon has refused for a reason that trying again does not change.
        """
        try:
            answer = ask()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            self.account.count(f"{action} {code}")
            if code in _LATER:
                return None
            raise
        except BotoCoreError as error:
            self.account.count(f"{action} {type(error).__name__}")
            return None
        self.account.count(f"{action} ok")
        return answer

    def insist(self, action: str, ask: Callable[[], Any]) -> Any:
        """What was answered in the end; None if it was nothing certain, again and again."""
        for _ in range(TRIES):
            if (answer := self.asked(action, ask)) is not None:
                return answer
            time.sleep(self.chance.uniform(0.1, 1.0))
        return None


class Writer(Client):
    """Launches instances, and terminates some of its own."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._own: list[str] = []

    def work(self) -> None:
        """Launch one, or terminate one."""
        if len(self._own) > 3 or (self._own and self.chance.random() < 0.4):
            self.terminate(self._own.pop(self.chance.randrange(len(self._own))))
        else:
            self.launch(with_token=self.chance.random() < 0.8)

    def launch(self, with_token: bool) -> None:
        """Launch an instance; who has no token must not ask again."""
        name = uuid.uuid4().hex
        more = {"ClientToken": name} if with_token else {}
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}]

        def ask() -> Any:
            return self.ec2.run_instances(ImageId="img1", MinCount=1, MaxCount=1, TagSpecifications=tags, **more)

        try:
            answer = self.insist("RunInstances", ask) if with_token else self.asked("RunInstances", ask)
        except ClientError:
            # Without a token: the daemon does not know whether there is one, and says so.
            answer = None
        if answer is None:
            with self.account.lock:
                self.account.perhaps_launched.add(name)
        else:
            instance_id = answer["Instances"][0]["InstanceId"]
            self.account.launched(instance_id)
            self._own.append(instance_id)

    def terminate(self, instance_id: str) -> None:
        """Terminate an instance."""
        self.account.will_end(instance_id)
        ask = self.ec2.terminate_instances
        if self.insist("TerminateInstances", lambda: ask(InstanceIds=[instance_id])) is not None:
            self.account.has_ended(instance_id)


class Poller(Client):
    """Looks at all instances, and holds what it sees to what was answered before."""

    def work(self) -> None:
        """Look once."""
        before = self.account.certain()
        answer = self.asked("DescribeInstances", self.ec2.describe_instances)
        if answer is not None:
            seen = {
                one["InstanceId"]: one["State"]["Name"] for each in answer["Reservations"] for one in each["Instances"]
            }
            self.account.check_seen(before, seen)
        time.sleep(self.chance.uniform(0.0, 0.3))


class Leaver(Client):
    """Asks for something and is gone."""

    def work(self) -> None:
        """Leave once, in the middle of the request or behind it."""
        host, _, port = self.url.removeprefix("http://").partition("/")[0].partition(":")
        ask = f"GET /ec2?Action=DescribeImages HTTP/1.1\r\nHost: {host}\r\nAuthorization: {BASIC}\r\n\r\n".encode()
        try:
            with socket.create_connection((host, int(port)), 5) as connection:
                connection.sendall(ask[: self.chance.randint(1, len(ask))])
                time.sleep(self.chance.uniform(0.0, 0.1))
            self.account.count("left")
        except OSError:
            self.account.count("found nobody to leave")
        time.sleep(0.05)
