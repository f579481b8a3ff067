"""What ec2proxy itself knows about one account of one cloud, beside what the backend says.

Each method that changes something worked it out from what is here at that moment, and works it out again where another
process came between; it returns when the change is stored, all of it or nothing.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any

from attrs import evolve

from ec2proxy.cloud.attributes import Attributes
from ec2proxy.cloud.entries import Launch, Pledge, Tombstone, Work
from ec2proxy.cloud.epochs import LocalEpochs
from ec2proxy.cloud.key_origins import KeyOrigin
from ec2proxy.cloud.replica import Changes, Name, Replica
from ec2proxy.interfaces import IEpochs, IStateStore
from ec2proxy.model import Credentials


class Overtaken(Exception):
    """What a promise was to take the place of is not what is promised now; ask again."""


class Ledger(Replica):
    """The records of one scope, by instance id.

    :ivar owner: what names this process in promises.
    :ivar work: what is not finished.
    :ivar tombstones: instances that are no more.
    :ivar launches: where instances come from.
    :ivar seen: when an instance was first seen, in epoch seconds.
    :ivar tags: the tags of any resource.
    :ivar attributes: what clients have set of instances.
    :ivar key_origins: where key pairs come from, by EC2's id.
    :ivar orders: launches under way, by reservation id.
    :ivar missing: since when something is not there that is neither worked on nor buried. Not stored.
    :ivar tidied: when that was looked at last. Not stored.
    :ivar nowhere: since when something is not there that has tags or an origin. Not stored.
    """

    def __init__(self, store: IStateStore, scope: str, epochs: IEpochs | None = None) -> None:
        super().__init__(store, scope, LocalEpochs() if epochs is None else epochs)
        self.owner: str = store.owner
        self.work: dict[str, Work] = self.tables["work"]
        self.tombstones: dict[str, Tombstone] = self.tables["tombstone"]
        self.launches: dict[str, Launch] = self.tables["launch"]
        self.seen: dict[str, float] = self.tables["seen"]
        self.tags: dict[str, Mapping[str, str]] = self.tables["tags"]
        self.attributes: dict[str, Attributes] = self.tables["attributes"]
        self.key_origins: dict[str, KeyOrigin] = self.tables["key"]
        self.orders: dict[str, Pledge] = self.tables["order"]
        self.missing: dict[str, float] = {}
        self.tidied = 0.0
        self.nowhere: dict[str, float] = {}

    @property
    def needed(self) -> bool:
        """Whether anything here is unfinished."""
        return bool(self.work or self.orders or self._under_way)

    def is_current(self, work: Work) -> bool:
        """Whether a promise stands, and is pursued by the same process."""
        return work.is_same(self.work.get(work.instance.id))

    async def promise(self, work: Work, credentials: Credentials, *instead_of: Work | None) -> None:
        """Remember unfinished work.

        :param credentials: whose promise it is; kept sealed as long as anything is unfinished.
        :param instead_of: the work of that instance that it is to take the place of, None for none; any if not given.
        :raises Overtaken: there is other work.
        """
        key = work.instance.id

        def promise() -> Changes:
            there = self.work.get(key)
            if instead_of and instead_of[0] != there and not (there and there.is_same(instead_of[0])):
                raise Overtaken
            return {("work", key): work, **self._kept(credentials)}

        await self.change(promise)

    async def note(self, work: Work, *, destroy: str, accepted: bool = False) -> Work | None:
        """Remember how far the destruction of an instance has come; None if that work is not current any more."""
        noted: Work | None = None

        def note() -> Changes:
            nonlocal noted
            noted = evolve(work, destroy=destroy, accepted=accepted) if self.is_current(work) else None
            return {("work", work.instance.id): noted} if noted else {}

        await self.change(note)
        return noted

    async def finish(self, work: Work) -> None:
        """Forget work, unless other work has taken its place."""

        def finish() -> Changes:
            return self._without(("work", work.instance.id)) if self.is_current(work) else {}

        await self.change(finish)

    async def bury(self, work: Work, at: float) -> None:
        """Remember that the instance of ``work`` is no more, and forget the work; nothing if it is not the latest."""
        key = work.instance.id

        def bury() -> Changes:
            stone = {("tombstone", key): Tombstone(work.instance, at)}
            return {**stone, **self._without(("work", key))} if self.is_current(work) else {}

        await self.change(bury)

    async def ordered(self, reservation_id: str, order: Mapping[str, Any], credentials: Credentials) -> None:
        """Remember what this process is about to create, so that it is found if the answer is never heard.

        :param order: what JSON can hold; it is kept sealed, since user data is part of it.
        """
        pledge = Pledge(self._sealed(json.dumps(order), "order", reservation_id), self.owner)
        await self.change(lambda: {("order", reservation_id): pledge, **self._kept(credentials)})

    def order(self, reservation_id: str) -> Mapping[str, Any]:
        """What :meth:`ordered` was given.

        :raises ValueError: it was sealed with another key.
        """
        order: dict[str, Any] = json.loads(self._unsealed(self.orders[reservation_id].sealed, "order", reservation_id))
        return order

    def carries_out(self, reservation_id: str) -> bool:
        """Whether an order is this process's, still."""
        pledge = self.orders.get(reservation_id)
        return pledge is not None and pledge.owner == self.owner

    async def delivered(self, reservation_id: str) -> None:
        """Forget an order of this process: all that came of it is remembered."""

        def delivered() -> Changes:
            return self._without(("order", reservation_id)) if self.carries_out(reservation_id) else {}

        await self.change(delivered)

    async def take_over(self, owners: Collection[str]) -> None:
        """Make the unfinished work and orders of others this process's own."""

        def take_over() -> Changes:
            taken: dict[Name, Any] = {}
            for kind in ("work", "order"):
                for key, one in self.tables[kind].items():
                    if one.owner in owners:
                        taken[kind, key] = evolve(one, owner=self.owner)
            return taken

        await self.change(take_over)

    def owners(self) -> set[str]:
        """The other processes that have something unfinished here."""
        owners = {work.owner for work in self.work.values()} | {pledge.owner for pledge in self.orders.values()}
        return owners - {self.owner}

    def credentials(self) -> Credentials | None:
        """Whose unfinished work this is; None where none is kept.

        :raises ValueError: they were sealed with another key.
        """
        kept = self.tables["credentials"].get("")
        return None if kept is None else Credentials(**json.loads(self._unsealed(kept["sealed"], "credentials", "")))

    def _kept(self, credentials: Credentials) -> Changes:
        """What keeps the credentials of something unfinished."""
        # What was sealed with another key is of no use to anybody.
        with suppress(ValueError):
            if self.credentials() == credentials:
                return {}
        text = json.dumps({"user": credentials.user, "password": credentials.password})
        return {("credentials", ""): {"sealed": self._sealed(text, "credentials", "")}}

    def _without(self, *finished: Name) -> Changes:
        """What forgets something unfinished, and the credentials if it was the last."""
        left = {("work", key) for key in self.work} | {("order", key) for key in self.orders}
        return dict.fromkeys(finished if left - set(finished) else (*finished, ("credentials", "")))

    def _sealed(self, secret: str, kind: str, key: str) -> str:
        sealed: str = self._store.seal.seal(secret.encode(), f"{self.scope} {kind} {key}")
        return sealed

    def _unsealed(self, sealed: str, kind: str, key: str) -> str:
        secret: bytes = self._store.seal.unseal(sealed, f"{self.scope} {kind} {key}")
        return secret.decode()

    async def launched(
        self,
        work: Work,
        launch: Launch,
        credentials: Credentials,
        *,
        tags: Mapping[str, str] = {},  # never changed
        attributes: Attributes = Attributes(),  # noqa: B008  # frozen
        user_data: str = "",
        found: bool = False,
    ) -> bool:
        """Remember where a new instance comes from, and the promise that it is going to run.

        What is known of an older one of that id goes.

        :param user_data: as for :meth:`set_attributes`.
        :param found: nobody told of the instance, so it may be another launch's: then nothing is changed.
        :returns: whether it is remembered so.
        """
        key, kept = work.instance.id, False

        def launched() -> Changes:
            nonlocal kept
            kept = not (found and key in self.launches)
            new: dict[Name, Any] = {("launch", key): launch, ("work", key): work}
            if tags:
                new["tags", key] = dict(tags)
            if attributes != Attributes():
                new.update(self._attributes(key, attributes, user_data))
            return {**self._everything(key), **new, **self._kept(credentials)} if kept else {}

        await self.change(launched)
        return kept

    async def tag(self, resource_id: str, tags: Mapping[str, str]) -> None:
        """Remember the tags of a resource, instead of those there are."""
        await self.change(lambda: {("tags", resource_id): dict(tags)})

    async def untag(self, *resource_ids: str) -> None:
        """Forget the tags of resources that are gone, or of some of their ids before them."""
        await self.change(lambda: {("tags", each): None for each in resource_ids})

    async def forget_same(self, values: Changes) -> None:
        """Forget values, but none that has been changed since it was looked at.

        :param values: as they were, by kind and key.
        """
        await self.change(
            lambda: {(kind, key): None for (kind, key), was in values.items() if self.tables[kind].get(key) is was}
        )

    async def change_tags(
        self, shown: Mapping[str, Mapping[str, str]], changed: Callable[[Mapping[str, str]], Mapping[str, str]]
    ) -> None:
        """Change the tags of several resources, all or none.

        :param shown: the resources, each with the tags that it is shown with where none are remembered.
        :param changed: gives the new tags for the old; where it raises, nothing is changed.
        """
        await self.change(
            lambda: {("tags", each): dict(changed(self.tags.get(each, tags))) for each, tags in shown.items()}
        )

    async def remember_key(self, key_pair_id: str, origin: KeyOrigin) -> None:
        """Remember where a key pair comes from."""
        await self.change(lambda: {("key", key_pair_id): origin})

    async def change_attributes(self, instance_id: str, changed: Callable[[Attributes], Attributes]) -> None:
        """Change the attributes of an instance.

        :param changed: gives the new ones for the old.
        """
        await self.change(
            lambda: {("attributes", instance_id): changed(self.attributes.get(instance_id, Attributes()))}
        )

    async def set_attributes(self, instance_id: str, attributes: Attributes, user_data: str = "") -> None:
        """Remember the attributes of an instance, instead of those there are.

        :param user_data: base64, to be kept sealed where the attributes say that there is some; empty leaves it.
        """
        await self.change(lambda: self._attributes(instance_id, attributes, user_data))

    def _attributes(self, instance_id: str, attributes: Attributes, user_data: str) -> Changes:
        changes: dict[Name, Any] = {("attributes", instance_id): attributes}
        if user_data:
            changes["user_data", instance_id] = {"sealed": self._sealed(user_data, "user_data", instance_id)}
        return changes

    async def user_data(self, instance_id: str) -> str:
        """The user data that an instance was launched with, base64; empty where there was none.

        :raises ValueError: it was sealed with another key.
        """
        kept = await self._store.get(self.scope, "user_data", instance_id)
        return "" if kept is None else self._unsealed(str(kept["sealed"]), "user_data", instance_id)

    async def first_seen(self, instance_ids: Iterable[str], at: float) -> None:
        """Remember when some instances were first seen."""
        ids = [each for each in instance_ids if each not in self.seen]
        if ids:
            await self.change(lambda: {("seen", each): at for each in ids if each not in self.seen})

    async def forget(self, *ids: str) -> None:
        """Forget everything about some instances, or key pairs."""
        await self.change(lambda: {name: value for each in ids for name, value in self._everything(each).items()})

    def _everything(self, instance_id: str) -> Changes:
        """What forgets an instance."""
        self.missing.pop(instance_id, None)
        gone = [
            kind for kind in ("work", "tombstone", "launch", "seen", "tags", "key") if instance_id in self.tables[kind]
        ]
        attributes = self.attributes.get(instance_id)
        if attributes is not None:
            gone += ["attributes", "user_data"] if attributes.has_user_data else ["attributes"]
        return {(kind, instance_id): None for kind in gone}
