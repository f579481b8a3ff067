"""Storage volumes and snapshots of the mock cloud."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import evolve

from ec2proxy.mockcloud.data import SNAPSHOTS, VOLUMES
from ec2proxy.mockcloud.things import Fault, Instance, Snapshot, Volume

if TYPE_CHECKING:
    from ec2proxy.mockcloud.cloud import MockCloud


class Storage:
    """The volumes and snapshots of a cloud, by id (recordings 59-68).

    :param cloud: the cloud whose instances and time these go by.
    """

    def __init__(self, cloud: "MockCloud") -> None:
        self._cloud = cloud
        self.volumes: dict[str, Volume] = {one.id: one for one in VOLUMES}
        self.snapshots: dict[str, Snapshot] = {one.id: one for one in SNAPSHOTS}

    def volume(self, volume_id: str) -> Volume:
        """One volume.

        :raises Fault: 404.
        """
        if volume_id not in self.volumes:
            raise Fault(404)
        return self.volumes[volume_id]

    def create_volume(self, form: Mapping[str, str]) -> Volume:
        """Make a volume (recording 60).

        The realm and the snapshot are not kept: the recorded server does not show them either.
        """
        volume_id = self._cloud.timed_id("volume_", self.volumes)
        volume = Volume(
            volume_id, form.get("name", f"Volume{volume_id}"), self._cloud.time_text(), form.get("capacity", "1")
        )
        self.volumes[volume_id] = volume
        return volume

    def attach(self, owner: str, volume_id: str, instance_id: str, device: str) -> Volume:
        """Attach a volume to an instance of ``owner`` (recording 61).

        :raises Fault: one of them is not there (404), or the volume is attached already (500).
        """
        volume = self.volume(volume_id)
        instance = self._cloud.instances.of(owner, instance_id)
        if instance is None:
            raise Fault(404)
        if volume.instance_id is not None:
            raise Fault(500, "VolumeInUse", raised=True)
        self._cloud.instances.change(instance_id, volumes=(*instance.volumes, (volume_id, device)))
        return self._put(evolve(volume, state="IN-USE", instance_id=instance_id, device=device))

    def detach(self, volume_id: str) -> Volume:
        """Detach a volume (recording 64).

        :raises Fault: it is not there (404), or not attached (500).
        """
        volume = self.volume(volume_id)
        if volume.instance_id is None:
            raise Fault(500, "VolumeNotInUse", raised=True)
        instance = self._cloud.instances[volume.instance_id]
        kept = tuple(pair for pair in instance.volumes if pair[0] != volume_id)
        self._cloud.instances.change(instance.id, volumes=kept)
        return self._free(volume)

    def destroy_volume(self, volume_id: str) -> None:
        """Destroy a volume.

        :raises Fault: it is not there (404), or attached (500).
        """
        if self.volume(volume_id).instance_id is not None:
            raise Fault(500, "VolumeInUse", raised=True)
        del self.volumes[volume_id]

    def create_snapshot(self, form: Mapping[str, str]) -> Snapshot:
        """Make a snapshot of a volume (recording 67).

        :raises Fault: the volume is not there (404).
        """
        volume = self.volume(form["volume_id"])
        snapshot_id = self._cloud.timed_id("store_snapshot_", self.snapshots)
        snapshot = Snapshot(
            snapshot_id, volume.id, self._cloud.time_text(), form.get("name", ""), form.get("description", "")
        )
        self.snapshots[snapshot_id] = snapshot
        return snapshot

    def release(self, instance: Instance) -> None:
        """Detach all volumes from an instance that is no more."""
        for volume in list(self.volumes.values()):
            if volume.instance_id == instance.id:
                self._free(volume)

    def _free(self, volume: Volume) -> Volume:
        return self._put(evolve(volume, state="AVAILABLE", instance_id=None, device=None))

    def _put(self, volume: Volume) -> Volume:
        self.volumes[volume.id] = volume
        return volume
