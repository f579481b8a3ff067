"""The daemon is killed, SIGKILL, at each step of its work, and another takes its place.

The backend is a process of its own and lives on. Its own account of what was asked of it shows that each step is
taken exactly once.
"""

import contextlib
import socket
import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError

from tests.e2e.backends import BASIC, BackendTestCase, Troubled
from tests.e2e.daemons import Daemon, until

#: How often a tag has been changed when the daemon that is to change it once more is killed.
TAGS_BEFORE = 20


def received(connection: socket.socket) -> bytes:
    """What was answered before the daemon's end."""
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return b""


class KilledTestCase(BackendTestCase):
    """A test with a backend and one daemon after the other in front of it.

    :cvar BACKEND: the backend's options.
    """

    BACKEND: tuple[str, ...] = ()

    def setUp(self) -> None:
        self.backend = Troubled(*self.BACKEND)
        self.addCleanup(self.backend.stop)
        self.state = Path(self.mktemp()).resolve()
        self.begin()

    def begin(self) -> None:
        """Start a daemon on the state that is there."""
        self.daemon: Daemon = self.daemon_for(
            self.backend.base, "--freshness=0", "--launch-doubt=5", f"--state=sqlite:///{self.state}"
        )
        self.ec2: Any = self.client_of(self.daemon)

    def killed(self) -> None:
        """Kill the daemon and start the next."""
        self.daemon.kill()
        self.begin()

    def send(self, action: str, **parameters: str) -> socket.socket:
        """Send a request, and wait for no answer."""
        query = urlencode({"Action": action, "Version": "2016-11-15", **parameters})
        connection = socket.create_connection(("127.0.0.1", self.daemon.port), 30)
        self.addCleanup(connection.close)
        connection.sendall(f"GET /ec2?{query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {BASIC}\r\n\r\n".encode())
        return connection

    def send_run(self, image_id: str, **parameters: str) -> socket.socket:
        """Send a RunInstances for one instance, and wait until the backend holds on to one request more."""
        before = self.backend.count("held")
        connection = self.send("RunInstances", ImageId=image_id, MinCount="1", MaxCount="1", **parameters)
        until(lambda: self.backend.count("held") == before + 1, "the backend is asked for the instance")
        return connection

    def run_one(self, image_id: str = "img1", **more: Any) -> str:
        """Run one instance and give its id."""
        answer = self.ec2.run_instances(ImageId=image_id, MinCount=1, MaxCount=1, **more)
        instance_id: str = answer["Instances"][0]["InstanceId"]
        return instance_id

    def described(self, *instance_ids: str, **more: Any) -> dict[str, Any]:
        """Instances as DescribeInstances tells them, by id, each with the id of its reservation."""
        answer = self.ec2.describe_instances(InstanceIds=instance_ids, **more)
        return {
            instance["InstanceId"]: {**instance, "ReservationId": reservation["ReservationId"]}
            for reservation in answer["Reservations"]
            for instance in reservation["Instances"]
        }

    def states(self, instance_ids: Iterable[str]) -> set[str]:
        """The states that some instances are in."""
        return {instance["State"]["Name"] for instance in self.described(*instance_ids).values()}

    def wait_for_state(self, state: str, instance_ids: Iterable[str]) -> None:
        """Wait until all are in that state."""
        chosen = list(instance_ids)
        until(lambda: self.states(chosen) == {state}, f"{chosen} are {state}")

    def writes(self, instance_id: str) -> list[str]:
        """What the backend was asked to do with an instance, as ``POST stop`` or ``DELETE``."""
        path = f"/api/instances/{instance_id}"
        writes = [one.split() for one in self.backend.told()["writes"]]
        return [f"{method} {at[len(path) + 1 :]}".rstrip() for method, at in writes if f"{at}/".startswith(f"{path}/")]

    def creations(self) -> int:
        """How often the backend was asked for instances."""
        return int(self.backend.told()["writes"].count("POST /api/instances"))


class TerminateTests(KilledTestCase):
    """A backend that must stop an instance, wait, and then destroy it."""

    BACKEND = ("--machine=arubacloud", "--stopping=1")

    def hold(self, how: str, method: str, path: str) -> None:
        """Have the backend ``hold`` the next such request, or answer it ``late``."""
        self.backend.make(how, method=method, path=f"/api/instances/{path}", times="1")

    def test_at_each_step(self) -> None:
        """Wherever a terminate was when the daemon was killed, the next one goes on from there.

        What the backend has done already it is not asked for again, and terminated instances stay so after one more.
        """
        steps = ("stop sent", "stop done", "between", "destroy sent", "destroy done")
        ids = {step: self.run_one() for step in steps}
        self.hold("hold", "POST", f"{ids['stop sent']}/stop")
        self.hold("late", "POST", f"{ids['stop done']}/stop")
        self.hold("hold", "DELETE", ids["destroy sent"])
        self.hold("late", "DELETE", ids["destroy done"])
        self.ec2.terminate_instances(InstanceIds=[ids["destroy sent"], ids["destroy done"]])
        until(lambda: self.backend.count("held") == 2, "both destructions are asked for")
        self.send("TerminateInstances", **{"InstanceId.1": ids["stop sent"], "InstanceId.2": ids["stop done"]})
        until(lambda: self.backend.count("held") == 4, "both stops are asked for")
        self.ec2.terminate_instances(InstanceIds=[ids["between"]])
        self.assertEqual(self.states(ids[step] for step in steps[:-1]), {"shutting-down"})
        self.killed()

        self.wait_for_state("terminated", ids.values())
        expected = {
            "stop sent": ["POST stop", "POST stop", "DELETE"],
            "stop done": ["POST stop", "DELETE"],
            "between": ["POST stop", "DELETE"],
            "destroy sent": ["POST stop", "DELETE", "DELETE"],
            "destroy done": ["POST stop", "DELETE"],
        }
        self.assertEqual({step: self.writes(ids[step]) for step in steps}, expected)
        self.killed()
        self.assertEqual(self.states(ids.values()), {"terminated"})
        self.assertEqual({step: self.writes(ids[step]) for step in steps}, expected)


class RunTests(KilledTestCase):
    """A backend that creates an instance stopped, so that it must be started."""

    BACKEND = ("--machine=fgcp", "--pending=1")

    def test_at_each_step(self) -> None:
        """Wherever a run was when the daemon was killed, the instance is started, and once only."""
        ids = {"start sent": self.run_one(), "start done": self.run_one()}
        for how, step in (("hold", "start sent"), ("late", "start done")):
            self.backend.make(how, method="POST", path=f"/api/instances/{ids[step]}/start", times="1")
        until(lambda: self.backend.count("held") == 2, "both starts are asked for")
        ids["between"] = self.run_one()
        before = self.described(*ids.values())
        self.killed()

        self.wait_for_state("running", ids.values())
        self.assertEqual(
            {step: self.writes(instance_id) for step, instance_id in ids.items()},
            {"start sent": ["POST start", "POST start"], "start done": ["POST start"], "between": ["POST start"]},
        )
        self.assertEqual(self.creations(), 3)
        for instance_id, instance in self.described(*ids.values()).items():
            for kept in ("ReservationId", "LaunchTime", "AmiLaunchIndex"):
                self.assertEqual(instance[kept], before[instance_id][kept])


class TokenTests(KilledTestCase):
    """RunInstances whose answer is never heard."""

    def setUp(self) -> None:
        super().setUp()
        self.first = set(self.described())

    def assert_mismatch(self, token: str) -> None:
        """The token is not taken with other parameters."""
        error = self.assertRaises(ClientError, self.run_one, "img2", ClientToken=token, InstanceType="m1-large")
        self.assertEqual(error.response["Error"]["Code"], "IdempotentParameterMismatch")

    def of_image(self, image_id: str) -> list[Any]:
        """The instances of an image that are there, beside those that the mock cloud begins with."""
        found = self.described(Filters=[{"Name": "image-id", "Values": [image_id]}])
        return [instance for instance_id, instance in found.items() if instance_id not in self.first]

    def test_client_leaves(self) -> None:
        """Who leaves before the answer and asks again gets the instance that was created meanwhile."""
        self.backend.make("late", method="POST", path="/api/instances", times="1")
        self.send_run("img1", ClientToken="left").close()
        again = self.send("RunInstances", ImageId="img1", MinCount="1", MaxCount="1", ClientToken="left")
        self.backend.make("release")
        (instance_id,) = (instance["InstanceId"] for instance in self.of_image("img1"))
        self.assertIn(f"<instanceId>{instance_id}</instanceId>".encode(), again.recv(65536))
        self.assertEqual(self.run_one(ClientToken="left"), instance_id)
        self.assert_mismatch("left")
        self.assertEqual(self.creations(), 1)

    def test_killed(self) -> None:
        """Killed while the backend creates instances: those that came to be are found, and none is made twice.

        One creation was done but not answered, one was not even begun; and one, done too, had no token to ask with.
        """
        for how in ("late", "hold", "late"):
            self.backend.make(how, method="POST", path="/api/instances", times="1")
        self.send_run("img1", ClientToken="done")
        self.send_run("img2", ClientToken="sent")
        tags = {"ResourceType": "instance", "Tag.1.Key": "purpose", "Tag.1.Value": "lost"}
        self.send_run("img3", **{f"TagSpecification.1.{name}": value for name, value in tags.items()})
        self.killed()

        done, sent = self.run_one("img1", ClientToken="done"), self.run_one("img2", ClientToken="sent")
        self.assertEqual(self.creations(), 4)
        self.assertEqual([instance["InstanceId"] for instance in self.of_image("img1")], [done])
        self.assertEqual([instance["InstanceId"] for instance in self.of_image("img2")], [sent])
        (untold,) = self.of_image("img3")
        self.assertEqual(untold["Tags"], [{"Key": "purpose", "Value": "lost"}])
        self.killed()
        self.assertEqual(self.run_one("img1", ClientToken="done"), done)
        self.assert_mismatch("sent")
        self.assertEqual(self.creations(), 4)


class AnsweredTests(KilledTestCase):
    """Writes that were answered."""

    BACKEND = ("--feature=user_data",)

    def test_kept(self) -> None:
        """All that was answered before the daemon was killed is there; what was under way was not promised."""
        tags = [{"Key": "Name", "Value": "kept"}]
        specification = {"Tags": tags, "ResourceType": "key-pair"}
        key = self.ec2.create_key_pair(KeyName="kept", TagSpecifications=[specification])["KeyPairId"]
        specification["ResourceType"] = "instance"
        instance_id = self.run_one(TagSpecifications=[specification], UserData="#!/bin/sh", DisableApiStop=True)
        self.ec2.modify_instance_attribute(InstanceId=instance_id, DisableApiTermination={"Value": True})
        self.ec2.create_tags(Resources=["img1"], Tags=tags)
        answered = self.killed_while_tagging("img2")

        (pair,) = self.ec2.describe_key_pairs(KeyPairIds=[key])["KeyPairs"]
        self.assertEqual(pair["Tags"], tags)
        self.assertEqual(self.described(instance_id)[instance_id]["Tags"], tags)
        self.assertEqual(self.ec2.describe_images(ImageIds=["img1"])["Images"][0]["Tags"], tags)
        for name, expected in (
            ("disableApiTermination", {"Value": True}),
            ("disableApiStop", {"Value": True}),
            ("userData", {"Value": "IyEvYmluL3No"}),
        ):
            attributes = self.ec2.describe_instance_attribute(InstanceId=instance_id, Attribute=name)
            self.assertEqual(attributes[name[0].upper() + name[1:]], expected)
        (count,) = self.ec2.describe_images(ImageIds=["img2"])["Images"][0]["Tags"]
        self.assertIn(int(count["Value"]), (answered, answered + 1))

    def test_not_stored(self) -> None:
        """What cannot be stored yet is not answered, and the backend is asked for nothing that is not remembered."""
        instance_id = self.run_one()
        self.wait_for_state("running", [instance_id])
        database = sqlite3.connect(self.state, isolation_level=None)
        self.addCleanup(database.close)
        database.execute("BEGIN IMMEDIATE")
        behaviour = {"InstanceInitiatedShutdownBehavior.Value": "terminate"}
        under_way = [
            self.send("CreateTags", **{"ResourceId.1": "img1", "Tag.1.Key": "Name", "Tag.1.Value": "lost"}),
            self.send("ModifyInstanceAttribute", InstanceId=instance_id, **behaviour),
            self.send("RunInstances", ImageId="img1", MinCount="1", MaxCount="1"),
            self.send("TerminateInstances", **{"InstanceId.1": instance_id}),
        ]
        # Sent later, and answered from memory.
        self.ec2.describe_images()
        self.daemon.kill()
        self.assertEqual([received(connection) for connection in under_way], [b""] * 4)
        self.assertEqual((self.creations(), self.writes(instance_id)), (1, []))

    def killed_while_tagging(self, resource_id: str) -> int:
        """Kill the daemon while a client changes a tag over and over, and give the last value that was answered."""
        answered = [0]
        ec2 = self.ec2

        def tag() -> None:
            with contextlib.suppress(BotoCoreError):
                while True:
                    ec2.create_tags(Resources=[resource_id], Tags=[{"Key": "count", "Value": str(answered[0] + 1)}])
                    answered[0] += 1

        tagging = threading.Thread(target=tag, daemon=True)
        tagging.start()
        until(lambda: answered[0] >= TAGS_BEFORE, "tags are made")
        self.daemon.kill()
        tagging.join()
        self.begin()
        return answered[0]
