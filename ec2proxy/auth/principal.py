"""Who asks."""

from attrs import evolve, field, frozen

from ec2proxy.auth.accounts import Account
from ec2proxy.model import Credentials


@frozen
class Principal:
    """A caller that has been proved to be who it is, or whose proof the cloud is to judge (Basic).

    :param name: its access key, or its user name in the cloud.
    :param region: the region that it signed for, whatever it calls it; None where nothing says.
    :param credentials: what the cloud is asked with on its behalf.
    :param account: whose it is; None for Basic, where the cloud alone knows what its user may do.
    """

    name: str
    region: str | None
    credentials: Credentials
    account: Account | None = field(default=None, eq=False, repr=False)

    def may(self, api: str, action: str) -> bool:
        """Whether its account lets it perform an action of an API, ``ec2`` or ``sts``."""
        return self.account is None or self.account.may(api, action)

    def in_region(self, name: str) -> "Principal":
        """The same caller in the region that it means, with the credentials that its account has there."""
        if self.account is None or not self.account.regions:
            return self
        return evolve(self, credentials=self.account.credentials_in(name))
