"""Pages of a long answer, whose tokens are positions and not numbers.

A token says which item was the last one shown. So a page neither skips nor repeats an item that is there all the
while, whatever comes and goes between two calls. It is signed, and bound to what was asked and by whom.
"""

import base64
import hmac
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import TypeVar

from ec2proxy.ec2.errors import EC2Error

T = TypeVar("T")

_MAC_LENGTH = 16


def fingerprint(*parts: object) -> str:
    """What stands for a request in :meth:`Pager.page`.

    :param parts: whatever the answer depends on: texts, numbers, tuples, filters; of these the repr is told apart.
    """
    return repr(parts)


class Pager:
    """Cuts answers into pages.

    :ivar key: what tokens are signed with; the same in every process that is to understand them.
    """

    def __init__(self, key: bytes) -> None:
        self.key = key

    def page(
        self,
        items: Iterable[T],
        sort_key: Callable[[T], str],
        max_results: int | None,
        next_token: str | None,
        asked: str,
    ) -> tuple[list[T], str | None]:
        """One page, and the token of the next one; None where this is the last.

        Without ``max_results`` and ``next_token`` that is everything, in the order it came in; pages are sorted.

        :param sort_key: gives an item's key, no two the same.
        :param max_results: how many items the page may have; None for all that are left.
        :param next_token: the token that came with the page before; None or empty for the first page.
        :param asked: what was asked and by whom, as :func:`fingerprint` gives it.
        :raises EC2Error: ``InvalidParameterValue``, the token is not one of this request's.
        """
        if max_results is None and not next_token:
            return list(items), None
        keyed = sorted(((sort_key(item), item) for item in items), key=itemgetter(0))
        if next_token:
            last = self._position(next_token, asked)
            keyed = [pair for pair in keyed if pair[0] > last]
        shown = keyed[:max_results]
        token = self._token(shown[-1][0], asked) if 0 < len(shown) < len(keyed) else None
        return [item for _, item in shown], token

    def page_of_sorted(
        self,
        keys: Sequence[str],
        items: Sequence[T],
        passes: Callable[[T], bool],
        max_results: int,
        next_token: str | None,
        asked: str,
    ) -> tuple[list[T], str | None]:
        """The same page as :meth:`page` gives of those that pass, without a look at more of them than it takes.

        :param keys: the items' keys, sorted.
        :param items: in the same order.
        """
        start = bisect_right(keys, self._position(next_token, asked)) if next_token else 0
        shown: list[int] = []
        for place in range(start, len(items)):
            if passes(items[place]):
                if len(shown) == max_results:
                    return [items[each] for each in shown], self._token(keys[shown[-1]], asked)
                shown.append(place)
        return [items[each] for each in shown], None

    def _token(self, last: str, asked: str) -> str:
        position = last.encode()
        return base64.urlsafe_b64encode(self._mac(position, asked) + position).decode()

    def _position(self, token: str, asked: str) -> str:
        try:
            raw = base64.b64decode(token, altchars=b"-_", validate=True)
        except ValueError:
            raw = b""
        position = raw[_MAC_LENGTH:]
        if not hmac.compare_digest(raw[:_MAC_LENGTH], self._mac(position, asked)):
            raise EC2Error("InvalidParameterValue", "Unable to parse pagination token")
        return position.decode()

    def _mac(self, position: bytes, asked: str) -> bytes:
        # The length first, so that nothing of one can pass for the beginning of the other.
        request = asked.encode()
        message = len(request).to_bytes(8, "big") + request + position
        return hmac.digest(self.key, message, "sha256")[:_MAC_LENGTH]
