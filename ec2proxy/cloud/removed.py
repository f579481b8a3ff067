"""What somebody else has removed: what is remembered of it goes after a while, as it does of instances.

It does not go at once, for a backend may take a while to list what it has just made, or fail to for once.
"""

from collections.abc import Collection, Mapping, Set
from typing import Any

from ec2proxy.cloud.ledger import Ledger
from ec2proxy.cloud.notes import NOTES
from ec2proxy.cloud.watch import MISSING_SECONDS


async def forget_removed(ledger: Ledger, ids: Collection[str], there: Set[str], now: float) -> None:
    """Forget the tags and origins of what has not been there for :data:`MISSING_SECONDS`.

    :param ids: what may have been removed.
    :param there: what was found, of all kinds that ``ids`` can be of.
    :param now: epoch seconds.
    """
    tables: Mapping[str, Mapping[str, Any]] = {"tags": ledger.tags, "key": ledger.key_origins}
    missing = set(ids) - there
    remembered = ledger.tags.keys() | ledger.key_origins.keys()
    since = {each: at for each, at in ledger.nowhere.items() if each in remembered and each not in there}
    ledger.nowhere = {**dict.fromkeys(missing, now), **since}
    gone = [each for each in missing if now - ledger.nowhere[each] > MISSING_SECONDS]
    if gone:
        values = {(kind, each): table[each] for kind, table in tables.items() for each in gone if each in table}
        await ledger.forget_same(values)
    notes = NOTES.get()
    if notes is not None and ledger.nowhere:
        # An answer that is kept would never come here again.
        notes.spoiled = True
