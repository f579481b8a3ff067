"""A request as it came off the wire, before anything was made of it."""

from collections.abc import Collection, Mapping

from attrs import define, field


# Not frozen, though nothing changes it: that would double what it costs to make one.
@define
class RawRequest:
    """What a signature covers, byte for byte.

    :param path: still percent-encoded, without the query.
    :param query: still encoded, without the ``?``.
    :param headers: names in lower case, in the order they came, repeats kept.
    :param body: as it came.
    :param by_name: the headers by their names, the values of repeats joined with commas.
    """

    method: str
    path: bytes
    query: bytes = field(repr=False)
    headers: Collection[tuple[bytes, bytes]] = field(repr=False)
    body: bytes = field(repr=False)
    by_name: Mapping[bytes, bytes] = field(init=False, repr=False, eq=False)

    @by_name.default
    def _by_name(self) -> Mapping[bytes, bytes]:
        found = dict(self.headers)
        if len(found) == len(self.headers):
            return found
        found = {}
        for name, value in self.headers:
            found[name] = found[name] + b"," + value if name in found else value
        return found

    def header(self, name: bytes) -> bytes | None:
        """The value of a header, those of repeats joined with commas; None when it is absent.

        :param name: in lower case.
        """
        return self.by_name.get(name)
