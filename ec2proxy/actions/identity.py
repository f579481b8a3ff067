"""Who asks: sts GetCallerIdentity, the first thing that Terraform's provider wants to know."""

import hashlib
from urllib.parse import quote

from attrs import frozen

from ec2proxy.actions.action import Action, Call
from ec2proxy.ec2.xml import Payload

# What IAM allows in a name, and the slash of a path; nothing else may stand in an ARN, a colon least of all.
_IN_ARNS = "+=,.@-_/"


@frozen
class GetCallerIdentity(Action):
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""

    API = "sts"

    async def perform(self, call: Call) -> Payload:
        """The cloud user as if it were a user of IAM in an account of its own."""
        await proved(call)
        self.stop_if_dry_run()
        account, user = account_of(call), call.principal.credentials.user
        return {
            "Arn": f"arn:aws:iam::{account}:user/{quote(user, safe=_IN_ARNS)}",
            "UserId": f"AIDA{_digest(call).hexdigest()[:16].upper()}",
            "Account": account,
        }


def account_of(call: Call) -> str:
    """An account's number, twelve digits: the same for the same cloud user of the same cloud, whichever way and for
    whichever region the user signs. It is made of a hash of the two, so it tells nothing and is kept nowhere.
    """
    return f"{int.from_bytes(_digest(call).digest()[8:16], 'big') % 10**12:012}"


async def proved(call: Call) -> None:
    """Go on only if the cloud knows the caller: whoever comes with Basic has proved nothing yet.

    It is asked for the caller's instances, since there are clouds behind Deltacloud that tell their realms to
    anyone; that answer is in the shared picture, so most often nobody is asked at all.

    :raises CloudError: it does not.
    """
    await call.cloud.inventory.instances(call.principal.credentials)


def _digest(call: Call) -> "hashlib._Hash":
    return hashlib.sha256(f"{call.cloud.name}\0{call.principal.credentials.user}".encode())
