"""What a ledger is made of, and how a state store keeps it."""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from attrs import asdict, field, frozen

from ec2proxy.cloud.attributes import Attributes, from_record
from ec2proxy.cloud.key_origins import KeyOrigin
from ec2proxy.cloud.planner import Verb
from ec2proxy.ec2.trace import CURRENT
from ec2proxy.model import Instance


@frozen
class Work:
    """Something that was promised about an instance and is not finished.

    :param instance: the instance as it was when the promise was made.
    :param since: when that was, in epoch seconds.
    :param owner: the process that pursues it, as state stores name them.
    :param promise: names the promise; there is no other of that name.
    :param destroy: the backend's state that the instance was in when its destruction was asked for, or is about to
        be; empty before that.
    :param accepted: the backend has accepted the destruction: it is never asked for again.
    :param request_id: of the request that was promised it; empty where that is not known.
    :param principal: who sent that; likewise.
    """

    verb: Verb
    instance: Instance
    since: float
    owner: str = ""
    promise: str = field(factory=lambda: os.urandom(8).hex())
    destroy: str = ""
    accepted: bool = False
    request_id: str = field(factory=lambda: trace.request_id if (trace := CURRENT.get()) else "")
    principal: str = field(factory=lambda: trace.principal if (trace := CURRENT.get()) else "")

    def is_same(self, other: "Work | None") -> bool:
        """Whether ``other`` is the same promise, pursued by the same process."""
        return other is not None and (other.promise, other.owner) == (self.promise, self.owner)


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


@frozen
class Pledge:
    """A launch under way.

    :param sealed: the order; user data is part of it.
    :param owner: the process that carries it out.
    """

    sealed: str
    owner: str = ""


_REMEMBERED = ("id", "state", "name", "owner_id", "image_id", "realm_id", "hardware_profile_id", "keyname")


def _instance_record(instance: Instance) -> dict[str, object]:
    record: dict[str, object] = {name: getattr(instance, name) for name in _REMEMBERED}
    if instance.launch_time is not None:
        record["launch_time"] = instance.launch_time.isoformat()
    return record


def _instance(record: Mapping[str, Any]) -> Instance:
    launched = record.get("launch_time")
    texts: dict[str, Any] = {name: record[name] for name in _REMEMBERED}
    return Instance(**texts, launch_time=datetime.fromisoformat(launched) if launched else None)


def _work_record(work: Work) -> dict[str, object]:
    return {
        "verb": work.verb,
        "instance": _instance_record(work.instance),
        "since": work.since,
        "owner": work.owner,
        "promise": work.promise,
        "destroy": work.destroy,
        "accepted": work.accepted,
        "request_id": work.request_id,
        "principal": work.principal,
    }


def _work(record: Mapping[str, Any]) -> Work:
    known = {name: record[name] for name in ("verb", "since", "owner", "destroy", "accepted") if name in record}
    # Earlier versions named no promises, nor who asked.
    promise = record.get("promise") or str(record["since"])
    asked = {name: record.get(name, "") for name in ("request_id", "principal")}
    return Work(instance=_instance(record["instance"]), promise=promise, **known, **asked)


def _tombstone(record: Mapping[str, Any]) -> Tombstone:
    return Tombstone(_instance(record["instance"]), record["at"])


ToRecord = Callable[[Any], Mapping[str, object]]
FromRecord = Callable[[Mapping[str, Any]], Any]

KINDS: Mapping[str, tuple[ToRecord, FromRecord]] = {
    "work": (_work_record, _work),
    "tombstone": (lambda stone: {"instance": _instance_record(stone.instance), "at": stone.at}, _tombstone),
    "launch": (asdict, lambda record: Launch(**record)),
    "seen": (lambda at: {"at": at}, lambda record: record["at"]),
    "tags": (dict, dict),
    "attributes": (Attributes.record, from_record),
    "key": (asdict, lambda record: KeyOrigin(**record)),
    "order": (asdict, lambda record: Pledge(**record)),
    "credentials": (dict, dict),
}
"""The kinds of values that a ledger keeps in memory, each with the ways to what a store keeps and back."""
