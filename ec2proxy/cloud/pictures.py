"""The pictures that are kept, bounded in number and in bytes."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from ec2proxy.cloud.picture import Picture, Snapshot
from ec2proxy.model import Credentials

Key = tuple[Credentials, str]


class Pictures:
    """Pictures by credentials and collection; the one unused for longest goes first.

    One that somebody waits for stays: a new one in its place would start a second refresh. So does the one that was
    filled last, however large: every poll would fetch it anew.

    :param most: how many there may be.
    :param most_bytes: how much they may hold, about.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._pictures: OrderedDict[Key, Picture[Any]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._pictures)

    @property
    def bytes(self) -> int:
        """About how many bytes they hold."""
        return self._bytes

    def held(self, collection: str) -> Iterator[tuple[Credentials, Snapshot[Any]]]:
        """The snapshots of a collection, and whose they are; none is thereby used."""
        for (credentials, name), picture in list(self._pictures.items()):
            if name == collection and picture.snapshot is not None:
                yield credentials, picture.snapshot

    def get(self, key: Key) -> Picture[Any] | None:
        """A picture, which is thereby used."""
        picture = self._pictures.get(key)
        if picture is not None:
            self._pictures.move_to_end(key)
        return picture

    def add(self, key: Key, picture: Picture[Any]) -> None:
        """Keep a picture that is empty."""
        self._make_room(len(self._pictures) + 1 - self._most, 0)
        self._pictures[key] = picture

    def forget_empty(self, key: Key) -> None:
        """Forget a picture that was never filled, unless somebody waits for it."""
        picture = self._pictures.get(key)
        if picture is not None and picture.snapshot is None and not picture.busy:
            del self._pictures[key]

    def grown(self, by: int) -> None:
        """Note that a picture was filled that somebody waits for.

        :param by: bytes; negative where it has shrunk.
        """
        self._bytes += by
        self._make_room(len(self._pictures) - self._most, self._bytes - self._most_bytes)

    def _make_room(self, number: int, size: int) -> None:
        if number <= 0 and size <= 0:
            return
        leaving = []
        for key, picture in self._pictures.items():
            if number <= 0 and size <= 0:
                break
            if not picture.busy:
                leaving.append(key)
                number -= 1
                size -= picture.weight
        for key in leaving:
            self._bytes -= self._pictures.pop(key).weight
