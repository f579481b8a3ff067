"""Makes the pictures of the console in the documentation: ``python -m tests.e2e.pictures docs``."""

import math
import random
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from botocore.exceptions import ClientError

from tests.e2e.browser import browser, show
from tests.e2e.daemons import start, until
from tests.e2e.test_console import client, free_port

#: Seconds of clients before the pictures are taken: the charts show up to five minutes.
SECONDS = 100.0

_REGIONS = """
[regions.eu-west]
url = "mock"

[regions.us-east]
url = "mock"
"""


def changed(ec2: Any) -> list[str]:
    """Change this and that, and tell the instances that there are."""
    for name, size in (("web", 3), ("database", 2), ("build", 1)):
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}]
        ec2.run_instances(ImageId="img1", MinCount=size, MaxCount=size, TagSpecifications=tags)
    ec2.create_key_pair(KeyName="deploy")
    found = [one["InstanceId"] for each in ec2.describe_instances()["Reservations"] for one in each["Instances"]]
    ec2.stop_instances(InstanceIds=found[1:2])
    return found


def attempted(ec2: Any, instance_id: str) -> None:
    """Ask for what is refused."""
    with suppress(ClientError):
        ec2.terminate_instances(InstanceIds=[instance_id])


def used(clients: list[Any], seconds: float) -> None:
    """Poll, now more and now less, as clients do."""
    begun = time.monotonic()
    chance = random.Random(7)
    while (passed := time.monotonic() - begun) < seconds:
        ec2 = chance.choice(clients)
        ec2.describe_instances() if chance.random() < 0.85 else ec2.describe_images()
        if chance.random() < 0.001:
            attempted(ec2, "i-0123456789")
        time.sleep(chance.random() * 0.03 * (1.15 + math.sin(passed / 12)))


def main(directory: Path, seconds: float = SECONDS) -> None:
    """Make them."""
    port = free_port()
    with browser() as chrome:
        with NamedTemporaryFile("w", suffix=".toml") as configuration:
            configuration.write(_REGIONS)
            configuration.flush()
            daemon = start(f"--config={configuration.name}", f"--admin-listen=tcp:{port}:interface=127.0.0.1")
        try:
            clients = [client(daemon, region) for region in ("eu-west", "us-east")]
            instances = [changed(ec2) for ec2 in clients]
            used(clients, seconds)
            clients[0].terminate_instances(InstanceIds=instances[0][-1:])
            for name in ("light", "dark"):
                show(chrome, f"http://127.0.0.1:{port}/", dark=name == "dark", width=1240)
                until(lambda: chrome.find_element("id", "live").text.endswith("live"), "it is live")
                chrome.save_screenshot(str(directory / f"console-{name}.png"))
        finally:
            daemon.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
