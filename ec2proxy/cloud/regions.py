"""The regions: which cloud a request is for, and where a client finds the others."""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from ec2proxy.cloud.cloud import Cloud
from ec2proxy.ec2.errors import EC2Error, shown

PATH = "regions"
"""The first segment of a path that names a region: ``/regions/NAME``."""

_PORT = re.compile(r":[0-9]*$")

# Addresses whose region is remembered. Clients use few; somebody else might make up any number.
_ADDRESSES = 256


class Regions:
    """All clouds, by name.

    A request says in up to three places which it is for: its path (``/regions/NAME/…``), its host name
    (``ec2.NAME.…`` or ``NAME.ec2.…``) and the region that it was signed for. Path and host are the address, which the
    client was given on purpose, so they go before the signature; but where two of the three name two of our regions,
    nobody knows what was meant, and nothing is done. Who names none means the default.

    :param clouds: at least one; the first is the default.
    :param any_name: whether there is only one, which takes any name that a client calls it.
    """

    generation = 0
    """How often there have been others."""

    def __init__(self, clouds: Iterable[Cloud], any_name: bool = False) -> None:
        self.replace(clouds, any_name)

    def replace(self, clouds: Iterable[Cloud], any_name: bool) -> None:
        """Have other clouds from now on. Requests under way keep the one that they have."""
        self.generation += 1
        self._clouds = {cloud.name: cloud for cloud in clouds}
        self.default = next(iter(self._clouds.values()))
        self.any_name = any_name
        self._addresses: dict[tuple[str, str], str | None] = {}

    def __iter__(self) -> Iterator[Cloud]:
        """The clouds, the default first."""
        return iter(self._clouds.values())

    def pick(self, signed: str | None, host: str, path: str, anywhere: bool = False) -> Cloud:
        """The cloud that a request is for.

        :param signed: the region that it was signed for; None if that says nothing.
        :param host: its Host header; may be empty.
        :param path: still percent-encoded.
        :param anywhere: whether it may be signed for a region that is none of ours.
        :raises EC2Error: ``SignatureDoesNotMatch``, it was signed for another region than it was sent to, or for none
            of ours; ``InvalidParameterValue``, its path names none of ours, or another one than its host.
        """
        if self.any_name:
            return self.default
        address = self._addressed(host, path)
        if signed is None:
            return self.default if address is None else self._clouds[address]
        if address is None and (signed in self._clouds or anywhere):
            return self._clouds.get(signed, self.default)
        if address is None or (signed in self._clouds and signed != address):
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html
            raise EC2Error(
                "SignatureDoesNotMatch", f"Credential should be scoped to a valid region, not '{shown(signed)}'."
            )
        return self._clouds[address]

    def by_address(self, host: str, path: str) -> Cloud:
        """The cloud of a request that names no region but by its address; parameters are those of :meth:`pick`.

        :raises EC2Error: as for :meth:`pick`.
        """
        return self.pick(None, host, path)

    def endpoint(self, cloud: Cloud, host: str) -> str:
        """Where a client finds a cloud, made of the host where it found this one.

        :param host: its Host header.
        :returns: a host, with a path where the host's name says nothing of a region.
        """
        if self.any_name:
            return host
        labels = host.split(".")
        place = self._place(labels)
        if place is None:
            return f"{host}/{PATH}/{cloud.name}"
        labels[place] = cloud.name
        return ".".join(labels)

    def _addressed(self, host: str, path: str) -> str | None:
        try:
            return self._addresses[host, path]
        except KeyError:
            found = self._look(host, path)
            if len(self._addresses) < _ADDRESSES:
                self._addresses[host, path] = found
            return found

    def _look(self, host: str, path: str) -> str | None:
        """The region that an address names."""
        labels = _PORT.sub("", host).split(".")
        place = self._place(labels)
        by_host = None if place is None else labels[place].lower()
        by_path = region_in(path)
        if by_path is None:
            return by_host
        if by_path not in self._clouds or by_host not in (None, by_path):
            raise EC2Error("InvalidParameterValue", f"Invalid region provided: {shown(by_path)}")
        return by_path

    def _place(self, labels: list[str]) -> int | None:
        """Which label of a host name is that of one of our regions: the one beside ``ec2`` at its beginning."""
        first, second = [label.lower() for label in (*labels[:2], "", "")[:2]]
        if first == "ec2" and second in self._clouds:
            return 1
        return 0 if second == "ec2" and first in self._clouds else None


def region_in(path: str) -> str | None:
    """The region that a path names, be it one of ours or not; None if it names none.

    :param path: still percent-encoded.
    """
    segments = unquote(path).split("/", 3)
    return segments[2] if len(segments) > 2 and segments[1] == PATH else None
