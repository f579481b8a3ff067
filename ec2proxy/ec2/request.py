"""A request as it came off the wire, before anything was made of it."""

from attrs import field, frozen


@frozen
class RawRequest:
    """What a signature covers, byte for byte.

    :param path: still percent-encoded, without the query.
    :param query: still encoded, without the ``?``.
    :param headers: names in lower case, in the order they came, repeats kept.
    """

    method: str
    path: bytes
    query: bytes = field(repr=False)
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: bytes) -> bytes | None:
        """The value of a header, those of repeats joined with commas; None when it is absent.

        :param name: in lower case.
        """
        found = [value for key, value in self.headers if key == name]
        if len(found) == 1:
            return found[0]
        return b",".join(found) if found else None
