"""What requests ask for, remembered by the bytes that they ask with."""

from attrs import evolve, frozen

from ec2proxy.actions.action import Action
from ec2proxy.actions.cache import Cache
from ec2proxy.ec2.request import RawRequest
from ec2proxy.ec2.signing import v4

MEMORY = 16 * 1024 * 1024
"""Bytes that they may take, if nothing else is said."""

_LONGEST = 16 * 1024
_GROWTH = 24
"""How many times as long as its bytes a request is in memory, about."""

_Key = tuple[str, bytes | None, bytes, bytes]


@frozen(eq=False)
class Question:
    """What a request asks for, whoever sends it.

    :param named: the version that it names, or None.
    :param version: the one to answer in.
    :param body_hash: of the body that it was asked with, as signatures have it; None where it is not remembered.
    :param size: about how many bytes it takes.
    """

    action: Action
    name: str
    named: str | None
    version: str
    body_hash: bytes | None = None
    size: int = 0

    @property
    def is_kept(self) -> bool:
        """Whether it will be known again when it is asked again, so that its answer is worth keeping."""
        return self.body_hash is not None


class Questions:
    """Polls by their bytes. Of requests that change something, and of signatures, nothing is remembered."""

    def __init__(self, memory: int = MEMORY) -> None:
        self._known: Cache[_Key, Question] = Cache(memory)

    @property
    def size(self) -> int:
        """About how many bytes they take."""
        return self._known.bytes

    def get(self, request: RawRequest) -> Question | None:
        """What is known of a request that asks with the same bytes."""
        return self._known.get((request.method, request.by_name.get(b"content-type"), request.query, request.body))

    def put(self, request: RawRequest, question: Question) -> Question:
        """Remember a question that was found to be right; none of its parameters may belong to a signature.

        :returns: the question as :meth:`get` will give it.
        """
        kind = request.by_name.get(b"content-type")
        length, size_of_kind = len(request.query) + len(request.body), len(kind or b"")
        # Blanks make a Content-Type of any length.
        if length + size_of_kind > _LONGEST:
            return question
        known = evolve(question, body_hash=v4.body_hash(request.body), size=length * _GROWTH)
        key = (request.method, kind, request.query, request.body)
        self._known.put(key, known, known.size + size_of_kind)
        return known
