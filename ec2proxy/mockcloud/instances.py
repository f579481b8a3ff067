"""The instances of the mock cloud and their life, driven by the clock."""

import heapq
from collections.abc import Iterator, Mapping
from itertools import count
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import evolve

from ec2proxy.mockcloud.data import host_name
from ec2proxy.mockcloud.things import Fault, Instance

if TYPE_CHECKING:
    from ec2proxy.mockcloud.cloud import MockCloud

GONE = "finish"


class Instances(Mapping[str, Instance]):
    """The instances by id, as they are now.

    Nothing is scheduled: what should have happened by now happens when somebody looks.

    :param cloud: the cloud whose clock, life cycle and delays these instances go by.
    """

    def __init__(self, cloud: "MockCloud") -> None:
        self._cloud = cloud
        self._instances: dict[str, Instance] = {}
        self._lowest = 0
        self._serial = count()
        # When which instance turns into what; an entry whose serial is not the instance's newest is void.
        self._due: list[tuple[float, int, str, str]] = []
        self._newest: dict[str, int] = {}

    def __getitem__(self, instance_id: str) -> Instance:
        return self._settled()[instance_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._settled())

    def __len__(self) -> int:
        return len(self._settled())

    def values(self) -> "list[Instance]":  # type: ignore[override]  # a list, for the index of a large cloud
        """All instances, in the order of their creation."""
        return list(self._settled().values())

    def listed(self, owner: str) -> list[Instance]:
        """What the index shows to ``owner``."""
        now = self._cloud.clock.seconds()
        return [one for one in self.values() if one.owner_id == owner and one.listed_at <= now]

    def of(self, owner: str, instance_id: str) -> Instance | None:
        """An instance of ``owner``, or None."""
        instance = self.get(instance_id)
        return instance if instance is not None and instance.owner_id == owner else None

    def free_id(self) -> str:
        """The id that the next instance gets: the lowest free one, as Deltacloud's mock driver does it.

        Ids of destroyed instances come back, unless the cloud was told not to reuse them.
        """
        while (instance_id := f"inst{self._lowest}") in self._instances:
            self._lowest += 1
        if not self._cloud.reuse_ids:
            self._lowest += 1
        return instance_id

    def add(self, instance: Instance) -> Instance:
        """Take in an instance; it gets no older by itself."""
        self._instances[instance.id] = instance
        return instance

    def change(self, instance_id: str, **changes: Any) -> Instance:
        """Put an instance with ``changes`` (attributes of :class:`Instance`) in its place.

        A change of ``state`` ends what was under way with the instance.
        """
        if "state" in changes:
            self._newest.pop(instance_id, None)
        changed = evolve(self[instance_id], **changes)
        self._instances[instance_id] = changed
        return changed

    def launch(self, instance: Instance) -> Instance:
        """Take in an instance that was just created and let its life begin."""
        self.add(instance)
        return self._enter(instance.id, "pending")

    def act(self, owner: str, instance_id: str, action: str) -> Instance:
        """Carry out ``action`` (``start``, ``stop``, ``reboot``, ``destroy``); tells what the instance is then.

        :raises Fault: 403, no such instance (recording 46); 405, its state does not allow that (43).
        """
        instance = self.of(owner, instance_id)
        if instance is None:
            raise Fault(403)
        machine = self._cloud.machine
        if action not in machine.actions(instance.state):
            raise Fault(405)
        target = machine.target(instance.state, action)
        if action == "destroy" or (action == "stop" and machine.stop_destroys):
            return self._destroy(instance, "stopping" if target == "stopping" else GONE)
        return self._enter(instance_id, target)

    def _destroy(self, instance: Instance, through: str) -> Instance:
        if through == GONE or not self._cloud.stopping:
            self.remove(instance.id)
            return evolve(instance, state="STOPPED")
        changed = self.change(instance.id, state="STOPPING")
        self._schedule(instance.id, self._cloud.stopping, GONE)
        return changed

    def _enter(self, instance_id: str, state: str) -> Instance:
        instance = self.change(instance_id, state=state.upper())
        after = self._cloud.machine.settles_in(state)
        if after is None:
            return instance
        delay = self._cloud.pending if state == "pending" else self._cloud.stopping
        if not delay:
            return self._enter(instance_id, after)
        self._schedule(instance_id, delay, after)
        return instance

    def _schedule(self, instance_id: str, delay: float, state: str) -> None:
        serial = self._newest[instance_id] = next(self._serial)
        heapq.heappush(self._due, (self._cloud.clock.seconds() + delay, serial, instance_id, state))

    def _settled(self) -> Mapping[str, Instance]:
        now = self._cloud.clock.seconds()
        while self._due and self._due[0][0] <= now:
            _, serial, instance_id, state = heapq.heappop(self._due)
            if self._newest.get(instance_id) != serial:
                continue
            del self._newest[instance_id]
            if state == GONE:
                self.remove(instance_id)
            else:
                self._enter(instance_id, state)
        return MappingProxyType(self._instances)

    def remove(self, instance_id: str) -> None:
        """Make an instance disappear, and let go of what is attached to it."""
        instance = self._instances.pop(instance_id)
        self._newest.pop(instance_id, None)
        if self._cloud.reuse_ids and instance_id.startswith("inst") and instance_id[4:].isdecimal():
            self._lowest = min(self._lowest, int(instance_id[4:]))
        self._cloud.network.release(instance)
        self._cloud.storage.release(instance)

    def own_address(self, instance: Instance) -> Instance:
        """Give an instance back the public address that it was born with."""
        return self.change(instance.id, public_addresses=(host_name(instance.image_id, instance.id, "public"),))
