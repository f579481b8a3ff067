"""The states of an EC2 instance.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html
"""

from attrs import frozen


@frozen
class InstanceState:
    """A state's code and name, as EC2's answers hold them."""

    code: int
    name: str


PENDING = InstanceState(0, "pending")
RUNNING = InstanceState(16, "running")
SHUTTING_DOWN = InstanceState(32, "shutting-down")
TERMINATED = InstanceState(48, "terminated")
STOPPING = InstanceState(64, "stopping")
STOPPED = InstanceState(80, "stopped")
