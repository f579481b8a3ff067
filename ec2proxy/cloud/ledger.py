"""What ec2proxy itself knows about one account of one cloud, beside what the backend says.

A ledger is read from the state store once and then kept in memory. Each change is made in memory at once, so that no
two callers act on the same past, and its method returns when it is stored. The store takes changes in their order.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from attrs import asdict, frozen

from ec2proxy.cloud.attributes import Attributes, from_record
from ec2proxy.cloud.key_origins import KeyOrigin
from ec2proxy.cloud.planner import Verb
from ec2proxy.interfaces import IStateStore
from ec2proxy.model import Credentials, Instance


@frozen(eq=False)
class Work:
    """Something that was promised about an instance and is not finished.

    :param instance: the instance as it was when the promise was made.
    :param since: when that was, in epoch seconds.
    """

    verb: Verb
    instance: Instance
    since: float


@frozen
class Tombstone:
    """An instance that is no more, and since when, in epoch seconds."""

    instance: Instance
    at: float


@frozen
class Launch:
    """Where an instance comes from.

    :param reservation_id: shared by all instances of one RunInstances.
    :param index: its place among them, from 0.
    :param client_token: the request's ClientToken, or empty.
    :param at: when, in epoch seconds.
    """

    reservation_id: str
    index: int
    client_token: str
    at: float


_REMEMBERED = ("id", "state", "name", "owner_id", "image_id", "realm_id", "hardware_profile_id", "keyname")


def _record(instance: Instance) -> dict[str, object]:
    record: dict[str, object] = {name: getattr(instance, name) for name in _REMEMBERED}
    if instance.launch_time is not None:
        record["launch_time"] = instance.launch_time.isoformat()
    return record


def _instance(record: object) -> Instance:
    assert isinstance(record, dict)
    launched = record.get("launch_time")
    texts: dict[str, Any] = {name: record[name] for name in _REMEMBERED}
    return Instance(**texts, launch_time=datetime.fromisoformat(launched) if launched else None)


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return value


class Ledger:
    """The records of one scope, by instance id.

    :ivar work: what is not finished.
    :ivar tombstones: instances that are no more.
    :ivar launches: where instances come from.
    :ivar seen: when an instance was first seen, in epoch seconds.
    :ivar tags: the tags of any resource.
    :ivar attributes: what clients have set of instances.
    :ivar key_origins: where key pairs come from, by EC2's id.
    :ivar orders: launches under way, by reservation id, as :meth:`ordered` was given them.
    :ivar missing: since when an instance is not listed that is neither worked on nor buried. Not stored.
    :ivar tidied: when that was looked at last. Not stored.
    """

    def __init__(self, store: IStateStore, scope: str) -> None:
        self._store = store
        self.scope = scope
        self.work: dict[str, Work] = {}
        self.tombstones: dict[str, Tombstone] = {}
        self.launches: dict[str, Launch] = {}
        self.seen: dict[str, float] = {}
        self.tags: dict[str, Mapping[str, str]] = {}
        self.attributes: dict[str, Attributes] = {}
        self.key_origins: dict[str, KeyOrigin] = {}
        self.orders: dict[str, Mapping[str, Any]] = {}
        self._credentials: Credentials | None = None
        self.missing: dict[str, float] = {}
        self.tidied = 0.0

    async def load(self) -> None:
        """Read everything there is from the store."""
        items = self._store.items
        for key, value in (await items(self.scope, "work")).items():
            self.work[key] = Work(value["verb"], _instance(value["instance"]), _number(value["since"]))  # type: ignore[arg-type]
        for key, value in (await items(self.scope, "tombstone")).items():
            self.tombstones[key] = Tombstone(_instance(value["instance"]), _number(value["at"]))
        for key, value in (await items(self.scope, "launch")).items():
            self.launches[key] = Launch(**value)  # type: ignore[arg-type]
        for key, value in (await items(self.scope, "seen")).items():
            self.seen[key] = _number(value["at"])
        for key, value in (await items(self.scope, "tags")).items():
            self.tags[key] = {name: str(text) for name, text in value.items()}
        for key, value in (await items(self.scope, "attributes")).items():
            self.attributes[key] = from_record(value)
        for key, value in (await items(self.scope, "key")).items():
            self.key_origins[key] = KeyOrigin(**value)  # type: ignore[arg-type]
        for key, value in (await items(self.scope, "order")).items():
            self.orders[key] = json.loads(self._unsealed(value, "order", key))

    async def promise(self, work: Work, credentials: Credentials) -> None:
        """Remember unfinished work, instead of any that there is for that instance.

        :param credentials: whose promise it is; kept sealed as long as anything is unfinished.
        """
        key = work.instance.id
        before = self.work.get(key)
        self.work[key] = work
        record = {"verb": work.verb, "instance": _record(work.instance), "since": work.since}
        try:
            await self._keep(credentials)
            await self._store.put(self.scope, "work", key, record)
        except Exception:
            # What is not stored is not promised.
            if self.work.get(key) is work:
                _put_back(self.work, key, before)
            raise

    async def finish(self, work: Work) -> None:
        """Forget work, unless other work has taken its place."""
        if self.work.get(work.instance.id) is work:
            del self.work[work.instance.id]
            await self._store.delete(self.scope, "work", work.instance.id)
            await self._let_go()

    async def ordered(self, reservation_id: str, order: Mapping[str, Any], credentials: Credentials) -> None:
        """Remember what is about to be created, so that it is found if the answer is never heard.

        :param order: what JSON can hold; it is kept sealed, since user data is part of it.
        """
        sealed = self._sealed(json.dumps(order), "order", reservation_id)
        self.orders[reservation_id] = order
        try:
            # What is unfinished is in memory before its credentials are stored, or its predecessor's end drops them.
            await self._keep(credentials)
            await self._store.put(self.scope, "order", reservation_id, sealed)
        except Exception:
            self.orders.pop(reservation_id, None)
            raise

    async def delivered(self, reservation_id: str) -> None:
        """Forget an order: all that came of it is remembered."""
        if self.orders.pop(reservation_id, None) is not None:
            await self._store.delete(self.scope, "order", reservation_id)
            await self._let_go()

    async def credentials(self) -> Credentials | None:
        """Whose unfinished work this is; None where none is kept.

        :raises ValueError: they were sealed with another key.
        """
        kept = await self._store.get(self.scope, "credentials", "")
        return None if kept is None else Credentials(**json.loads(self._unsealed(kept, "credentials", "")))

    async def _keep(self, credentials: Credentials) -> None:
        if self._credentials != credentials:
            self._credentials = credentials
            text = json.dumps({"user": credentials.user, "password": credentials.password})
            try:
                await self._store.put(self.scope, "credentials", "", self._sealed(text, "credentials", ""))
            except Exception:
                self._credentials = None
                raise

    async def _let_go(self) -> None:
        if not self.work and not self.orders:
            self._credentials = None
            await self._store.delete(self.scope, "credentials", "")

    def _sealed(self, secret: str, kind: str, key: str) -> dict[str, object]:
        return {"sealed": self._store.seal.seal(secret.encode(), f"{self.scope} {kind} {key}")}

    def _unsealed(self, record: Mapping[str, object], kind: str, key: str) -> str:
        secret: bytes = self._store.seal.unseal(str(record["sealed"]), f"{self.scope} {kind} {key}")
        return secret.decode()

    async def bury(self, work: Work, at: float) -> None:
        """Remember that the instance of ``work`` is no more, and forget the work; nothing if it is not the latest."""
        instance = work.instance
        if self.work.get(instance.id) is work:
            self.tombstones[instance.id] = Tombstone(instance, at)
            del self.work[instance.id]
            await self._store.put(self.scope, "tombstone", instance.id, {"instance": _record(instance), "at": at})
            await self._store.delete(self.scope, "work", instance.id)
            await self._let_go()

    async def launched(self, instance_id: str, launch: Launch) -> None:
        """Remember where a new instance comes from; what is known of an older one of that id goes."""
        older = self._forgotten(instance_id)
        self.launches[instance_id] = launch
        await self._delete(instance_id, older)
        await self._store.put(self.scope, "launch", instance_id, asdict(launch))

    async def tag(self, resource_id: str, tags: Mapping[str, str]) -> None:
        """Remember the tags of a resource, instead of those there are."""
        self.tags[resource_id] = dict(tags)
        await self._store.put(self.scope, "tags", resource_id, dict(tags))

    async def untag(self, resource_id: str) -> None:
        """Forget the tags of a resource that is gone, or of one of its id before it."""
        if self.tags.pop(resource_id, None) is not None:
            await self._store.delete(self.scope, "tags", resource_id)

    async def change_tags(
        self, shown: Mapping[str, Mapping[str, str]], changed: Callable[[Mapping[str, str]], Mapping[str, str]]
    ) -> None:
        """Change the tags of several resources, all or none.

        :param shown: the resources, each with the tags that it is shown with where none are remembered.
        :param changed: gives the new tags for the old; where it raises, nothing is changed.
        """
        new = {each: dict(changed(self.tags.get(each, tags))) for each, tags in shown.items()}
        self.tags.update(new)
        await self._store.put_all(self.scope, "tags", new)

    async def remember_key(self, key_pair_id: str, origin: KeyOrigin) -> None:
        """Remember where a key pair comes from."""
        self.key_origins[key_pair_id] = origin
        await self._store.put(self.scope, "key", key_pair_id, asdict(origin))

    async def set_attributes(self, instance_id: str, attributes: Attributes, user_data: str = "") -> None:
        """Remember the attributes of an instance, instead of those there are.

        :param user_data: base64, to be kept sealed where the attributes say that there is some; empty leaves it.
        """
        self.attributes[instance_id] = attributes
        await self._store.put(self.scope, "attributes", instance_id, attributes.record())
        if user_data:
            sealed = self._sealed(user_data, "user_data", instance_id)
            await self._store.put(self.scope, "user_data", instance_id, sealed)

    async def user_data(self, instance_id: str) -> str:
        """The user data that an instance was launched with, base64; empty where there was none.

        :raises ValueError: it was sealed with another key.
        """
        kept = await self._store.get(self.scope, "user_data", instance_id)
        return "" if kept is None else self._unsealed(kept, "user_data", instance_id)

    async def first_seen(self, instance_ids: Iterable[str], at: float) -> None:
        """Remember when some instances were first seen."""
        new = {instance_id: at for instance_id in instance_ids if instance_id not in self.seen}
        self.seen.update(new)
        if new:
            await self._store.put_all(self.scope, "seen", {key: {"at": at} for key in new})

    async def forget(self, instance_id: str) -> None:
        """Forget everything about an instance."""
        await self._delete(instance_id, self._forgotten(instance_id))

    def _forgotten(self, instance_id: str) -> list[str]:
        kinds: dict[str, dict[str, Any]] = {
            "work": self.work,
            "tombstone": self.tombstones,
            "launch": self.launches,
            "seen": self.seen,
            "tags": self.tags,
            "key": self.key_origins,
        }
        self.missing.pop(instance_id, None)
        found = [kind for kind, records in kinds.items() if records.pop(instance_id, None) is not None]
        attributes = self.attributes.pop(instance_id, None)
        if attributes is not None:
            found.append("attributes")
            if attributes.has_user_data:
                found.append("user_data")
        return found

    async def _delete(self, instance_id: str, kinds: Iterable[str]) -> None:
        for kind in kinds:
            await self._store.delete(self.scope, kind, instance_id)


def _put_back(records: dict[str, Work], key: str, before: Work | None) -> None:
    if before is None:
        del records[key]
    else:
        records[key] = before
