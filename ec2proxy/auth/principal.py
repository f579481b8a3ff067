"""Who asks."""

from attrs import frozen

from ec2proxy.model import Credentials


@frozen
class Principal:
    """A caller that has been proved to be who it is, or whose proof the cloud is to judge (Basic).

    :param name: its access key, or its user name in the cloud.
    :param region: the region that it signed for, whatever it calls it; None where nothing says.
    :param credentials: what the cloud is asked with on its behalf.
    """

    name: str
    region: str | None
    credentials: Credentials
