"""What the backend's lists were when they were last read, for each caller."""

from collections import OrderedDict
from typing import Any

from twisted.internet.interfaces import IReactorTime

from ec2proxy.drivers.deltacloud.list_of import Item, ListOf
from ec2proxy.drivers.deltacloud.segments import Known, reading
from ec2proxy.drivers.deltacloud.slices import Slices
from ec2proxy.drivers.deltacloud.transport import Answer
from ec2proxy.model import Credentials


class Lists:
    """Reads lists, and keeps what they meant, so that the next one is cheap to read. Callers share nothing.

    :param most_bytes: about how much is kept; the list that was not asked for for longest goes first.
    """

    def __init__(self, clock: IReactorTime, most_bytes: int) -> None:
        self._slices = Slices(clock)
        self._most_bytes = most_bytes
        self._bytes = 0
        self._known: OrderedDict[tuple[Credentials, str], Known[Any]] = OrderedDict()

    async def read(self, credentials: Credentials, form: ListOf[Item], answer: Answer) -> tuple[Item, ...]:
        """Read the list that was answered to a caller; the same tuple as before where nothing has changed.

        It is read in slices, between which the reactor turns to others.

        :raises BackendError: it cannot be read.
        """
        key = (credentials, form.root)
        known: Known[Item] | None = self._known.get(key)
        if known is not None and known.form is not form:
            known = None
        if known is None or known.digest != answer.digest:
            known = await self._slices.run(reading(form, answer.body, answer.digest, known))
        self._keep(key, known)
        return known.items

    def _keep(self, key: tuple[Credentials, str], known: Known[Any]) -> None:
        old = self._known.pop(key, None)
        if old is not None:
            self._bytes -= old.weight
        self._known[key] = known
        self._bytes += known.weight
        while self._bytes > self._most_bytes:
            self._bytes -= self._known.popitem(last=False)[1].weight
