"""Two daemons over one PostgreSQL and one backend, as on two machines; then one of them is killed."""

import threading
from pathlib import Path
from typing import Any

from tests.e2e.daemons import Daemon, until
from tests.e2e.test_killed import KilledTestCase
from tests.state.postgres import server


class MachinesTests(KilledTestCase):
    """``self.daemon`` is one of the two, ``self.there`` the other."""

    BACKEND = ("--machine=arubacloud", "--stopping=1")

    def setUp(self) -> None:
        self.url = server().database().render_as_string(hide_password=False)
        self.key = Path(self.mktemp()).resolve()
        super().setUp()
        self.there: Any = self.client_of(self.one_more())

    def begin(self) -> None:
        """Start one of the daemons."""
        self.daemon = self.one_more()
        self.ec2 = self.client_of(self.daemon)

    def one_more(self) -> Daemon:
        """A daemon on the state that all share. Its picture would do for a minute if nobody told it of changes."""
        options = ("--freshness=60", f"--state={self.url}", f"--state-key={self.key}")
        return self.daemon_for(self.backend.base, *options)

    def tags(self, ec2: Any, instance_id: str) -> set[str]:
        """The keys of an instance's tags, as one of the daemons tells them."""
        (reservation,) = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
        return {tag["Key"] for tag in reservation["Instances"][0].get("Tags", [])}

    def test_together(self) -> None:
        """What one does the other tells of, a token is used once, and the survivor finishes what the dead began."""
        self.assertEqual({*self.described()}, {*self.described()})
        self.there.describe_instances()
        # A token that the other machine is at.
        self.backend.make("late", method="POST", path="/api/instances", times="1")
        first = self.send_run("img1", ClientToken="once")
        again = self.send("RunInstances", ImageId="img1", MinCount="1", MaxCount="1", ClientToken="once")
        instance_id = self.retried_elsewhere(first)
        self.assertIn(instance_id.encode(), again.recv(65536))
        self.assertEqual(self.creations(), 1)
        # Tags, changed on both.
        for number, ec2 in enumerate((self.ec2, self.there, self.ec2)):
            ec2.create_tags(Resources=[instance_id], Tags=[{"Key": str(number), "Value": ""}])
        for ec2 in (self.ec2, self.there):
            until(lambda ec2=ec2: self.tags(ec2, instance_id) == {"0", "1", "2"}, "both know all tags")
        # A termination, cut off between stop and destroy.
        self.ec2.terminate_instances(InstanceIds=[instance_id])
        # The survivor looks from time to time, the next one when it starts: one of them has it.
        self.killed()
        for client in (self.ec2, self.there):
            self.ec2 = client
            self.wait_for_state("terminated", [instance_id])
        self.assertEqual(self.writes(instance_id), ["POST stop", "DELETE"])

    def retried_elsewhere(self, first: Any) -> str:
        """Ask the other machine for what is under way, let the backend go on, and give the instance's id."""
        answers: list[str] = []

        def ask() -> None:
            answer = self.there.run_instances(ImageId="img1", MinCount=1, MaxCount=1, ClientToken="once")
            answers.append(answer["Instances"][0]["InstanceId"])

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        self.assertEqual(answers, [])
        self.backend.make("release")
        asking.join(30)
        (instance_id,) = answers
        self.assertIn(f"<instanceId>{instance_id}</instanceId>".encode(), first.recv(65536))
        return instance_id
