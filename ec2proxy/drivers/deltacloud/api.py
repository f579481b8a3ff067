"""Deltacloud's collections over the transport: ask for a document, change something, know what a refusal means."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from ec2proxy.drivers.deltacloud.documents import root_of
from ec2proxy.drivers.deltacloud.list_of import Item, ListOf
from ec2proxy.drivers.deltacloud.lists import Lists
from ec2proxy.drivers.deltacloud.refusals import ENTRY_POINT, Asked, refusal
from ec2proxy.drivers.deltacloud.transport import Answer, Transport
from ec2proxy.errors import BackendError, CloudError, NotFound
from ec2proxy.model import Credentials

_T = TypeVar("_T")


class Api:
    """The calls that all collections have in common."""

    def __init__(self, transport: Transport, lists: Lists) -> None:
        self._transport = transport
        self._lists = lists

    async def get(self, credentials: Credentials, read: Callable[[bytes], _T], *path: str) -> _T:
        """Ask for a document and read it.

        :param path: the collection, and the object's id where one is asked for.
        :raises CloudError: the refusal, or what the transport or ``read`` raises.
        """
        return read((await self._get(credentials, path)).body)

    async def list(self, credentials: Credentials, form: ListOf[Item]) -> Sequence[Item]:
        """Ask for a collection and read it; the same tuple of the same objects where nothing has changed.

        :raises CloudError: as :meth:`get`.
        """
        return await self._lists.read(credentials, form, await self._get(credentials, (form.root,)))

    async def _get(self, credentials: Credentials, path: Sequence[str]) -> Answer:
        answer = await self._transport.exchange(credentials, "GET", path)
        if answer.status != 200:
            raise refusal(Asked("".join(path[:1]) or ENTRY_POINT, "".join(path[1:2])), answer)
        return answer

    async def change(
        self, credentials: Credentials, method: str, path: Sequence[str], form: Sequence[tuple[str, str]] | None = None
    ) -> Answer:
        """Ask for a change and give the answer, whatever its status: what a refusal means is the caller's to know."""
        return await self._transport.exchange(credentials, method, path, form)

    async def destroy(self, credentials: Credentials, kind: str, object_id: str) -> None:
        """Destroy one object (25, 48, 50).

        :raises CloudError: the refusal. An answer that is neither empty nor a document about such an object is
            somebody else's, a proxy's page say: it is ambiguous whether anything was destroyed.
        """
        answer = await self.change(credentials, "DELETE", (kind, object_id))
        if not is_success(answer):
            raise await self.refused(credentials, kind, object_id, answer)
        if answer.body.strip():
            read_change(answer, lambda body: root_of(body, kind.removesuffix("s")))

    async def is_gone(self, credentials: Credentials, kind: str, object_id: str) -> bool:
        """Whether the backend says that there is no such object; an error says nothing."""
        try:
            answer = await self._transport.exchange(credentials, "GET", (kind, object_id))
        except CloudError as error:
            return isinstance(error, NotFound)
        return answer.status == 404

    async def refused(self, credentials: Credentials, kind: str, object_id: str, answer: Answer) -> CloudError:
        """What a refused change of one object means.

        An unknown object may be answered with 403 (instances, recording 46) or with 500 (keys, 26): it is looked
        for before that is taken at its word.
        """
        if answer.status in (403, 500) and await self.is_gone(credentials, kind, object_id):
            return NotFound(kind, [object_id])
        return refusal(Asked(kind, object_id, changing=True), answer)


def is_success(answer: Answer) -> bool:
    """Whether the server did, or accepted, what was asked for."""
    return 200 <= answer.status < 300


def read_change(answer: Answer, read: Callable[[bytes], _T]) -> _T:
    """Read the document that a change was answered with.

    :raises BackendError: it cannot be read; ambiguous, since the change was made.
    """
    try:
        return read(answer.body)
    except BackendError as error:
        error.ambiguous = True
        raise
