"""Deltacloud's instances."""

from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from zope.interface import implementer

from ec2proxy.drivers.deltacloud import parse
from ec2proxy.drivers.deltacloud.api import Api, is_success, read_change
from ec2proxy.drivers.deltacloud.capabilities import KnownCapabilities
from ec2proxy.drivers.deltacloud.refusals import Asked, refusal
from ec2proxy.drivers.deltacloud.transport import Answer
from ec2proxy.errors import BackendError, CloudError, Unsupported
from ec2proxy.interfaces import IInstances
from ec2proxy.model import Capabilities, Credentials, Instance, InstanceSpec

_KIND = "instances"


@implementer(IInstances)
class Instances:
    """The instances of a backend."""

    def __init__(self, api: Api, capabilities: KnownCapabilities) -> None:
        self._api = api
        self._capabilities = capabilities

    async def list(self, credentials: Credentials) -> Sequence[Instance]:
        """All instances (recording 28)."""
        return await self._api.list(credentials, parse.instances)

    async def get(self, credentials: Credentials, instance_id: str) -> Instance:
        """One instance (29, 30)."""
        return await self._api.get(credentials, parse.instance_document, _KIND, instance_id)

    async def create(self, credentials: Credentials, spec: InstanceSpec) -> Sequence[Instance]:
        """Create what a spec says (35-38); its name is not sent where the backend takes none."""
        form = _form(spec, await self._capabilities.get(credentials))
        answer = await self._api.change(credentials, "POST", (_KIND,), form)
        if is_success(answer) and answer.body.strip():
            created = read_change(answer, parse.created_instances)
        elif is_success(answer) or _is_redirect(answer):
            created = [await self._after(credentials, _id_in(answer.location))]
        else:
            raise refusal(Asked(_KIND, changing=True), answer)
        if not created:
            raise BackendError("the backend answered a create without an instance", ambiguous=True)
        return created

    async def start(self, credentials: Credentials, instance_id: str) -> Instance:
        """Start an instance (45, 46)."""
        return await self._act(credentials, instance_id, "start")

    async def stop(self, credentials: Credentials, instance_id: str) -> Instance:
        """Stop an instance (42, 43)."""
        return await self._act(credentials, instance_id, "stop")

    async def reboot(self, credentials: Credentials, instance_id: str) -> Instance:
        """Reboot an instance (40)."""
        return await self._act(credentials, instance_id, "reboot")

    async def destroy(self, credentials: Credentials, instance_id: str) -> None:
        """Destroy an instance (41, 50)."""
        await self._api.destroy(credentials, _KIND, instance_id)

    async def _act(self, credentials: Credentials, instance_id: str, verb: str) -> Instance:
        answer = await self._api.change(credentials, "POST", (_KIND, instance_id, verb), ())
        if is_success(answer) and answer.body.strip():
            return read_change(answer, parse.instance_document)
        if is_success(answer) or _is_redirect(answer):
            # Where a driver gives no instance (rhevm) the server redirects to it. Its host is not followed.
            return await self._after(credentials, instance_id)
        raise await self._api.refused(credentials, _KIND, instance_id, answer)

    async def _after(self, credentials: Credentials, instance_id: str) -> Instance:
        """Look at an instance after a change that the backend accepted: a failure leaves the change made."""
        try:
            return await self.get(credentials, instance_id)
        except CloudError as error:
            error.ambiguous = True
            raise


def _is_redirect(answer: Answer) -> bool:
    return answer.status in (302, 303)


def _id_in(location: str) -> str:
    """The id that a Location ends with; the rest of it is not trusted."""
    try:
        return unquote(urlsplit(location).path.rpartition("/")[2], errors="strict")
    except ValueError:
        return ""


def _form(spec: InstanceSpec, capabilities: Capabilities) -> list[tuple[str, str]]:
    """The fields to send: none that the backend's features do not list.

    :raises Unsupported: the spec asks for a feature that is not listed.
    """
    firewalls = [(f"firewalls{number}", group) for number, group in enumerate(spec.firewall_ids, 1)]
    wanted = {
        "authentication_key": [("keyname", spec.keyname)],
        "user_data": [("user_data", spec.user_data)],
        "firewalls": firewalls,
        "metrics": [("metrics", "true" if spec.monitored else "")],
    }
    form = [("image_id", spec.image_id), ("hwp_id", spec.hardware_profile_id), ("realm_id", spec.realm_id)]
    if capabilities.has_feature(_KIND, "user_name"):
        form.append(("name", spec.name))
    for feature, fields in wanted.items():
        sent = [field for field in fields if field[1]]
        if sent and not capabilities.has_feature(_KIND, feature):
            raise Unsupported(f"this backend's instances have no {feature}")
        form += sent
    return [field for field in form if field[1]]
