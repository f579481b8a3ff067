"""Instances as they stand in an answer, written once for as long as what they are written from stays the same."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from operator import is_

from attrs import define, field

from ec2proxy.actions.instance_items import Images, reservation_item
from ec2proxy.actions.surroundings import Surroundings
from ec2proxy.cloud.view import InstanceView
from ec2proxy.ec2.xml import Written, written
from ec2proxy.model import Credentials

MEMORY = 64 * 1024 * 1024
"""Bytes that fragments may hold, if nothing else is said."""

_MEMBERS = b"<instancesSet>"
_END = b"</instancesSet></item>"
_OVERHEAD = 400


@define(eq=False)
class _Fragment:
    """One instance, as the only one of its reservation.

    :param beside: what it was written from beside the view.
    :param as_of: the number of the last surroundings of which that is known to be true.
    :param whole: the reservation's item; it names no namespace.
    :param cut: where the instance's own item begins in it.
    """

    view: InstanceView
    beside: Sequence[object]
    as_of: int
    whole: Written
    cut: int


@define(eq=False)
class _Own:
    """The fragments of one caller, by instance id.

    :param number: of what they were last written from beside views; fragments keep of it only what concerns them.
    """

    images: Images
    around: Surroundings | None
    number: int = 0
    fragments: dict[str, _Fragment] = field(factory=dict)

    def turn_to(self, images: Images, around: Surroundings | None) -> None:
        """Say what they are to be written from."""
        if images is not self.images or around is not self.around:
            self.images, self.around = images, around
            self.number += 1

    def get(self, view: InstanceView) -> _Fragment | None:
        """The fragment of an instance, if it would be written just so."""
        fragment = self.fragments.get(view.instance.id)
        if fragment is None or fragment.view is not view:
            return None
        if fragment.as_of != self.number:
            # They are as many as they were, of the same instance, or begin with something else.
            if not all(map(is_, fragment.beside, self.beside(view))):
                return None
            fragment.as_of = self.number
        return fragment

    def beside(self, view: InstanceView) -> Sequence[object]:
        """What an instance is written from beside its view; the same objects as long as that is the same."""
        concerning = (None,) if self.around is None else self.around.concerning(view.instance)
        return *concerning, self.images.get(view.instance.image_id)


class Fragments:
    """The fragments of all callers, each caller's apart.

    :param most: bytes that they may hold; those of the caller who has not asked for longest go first.
    """

    def __init__(self, most: int = MEMORY) -> None:
        self._most = most
        self.bytes = 0
        self._callers: OrderedDict[Credentials, _Own] = OrderedDict()

    def reservations(
        self,
        credentials: Credentials,
        views: Iterable[InstanceView],
        images: Images,
        around: Surroundings | None,
    ) -> Iterator[Written]:
        """The ``reservationSet`` of some of a caller's instances, reservation by reservation.

        :param images: what is known of images, by id.
        :param around: what is around the instances; None where the cloud does not tell.
        """
        by_reservation: dict[str, list[InstanceView]] = {}
        for view in views:
            by_reservation.setdefault(view.reservation_id, []).append(view)
        for members in by_reservation.values():
            fragments = [self._fragment(credentials, view, images, around) for view in members]
            yield fragments[0].whole if len(fragments) == 1 else _together(fragments)

    def _fragment(
        self, credentials: Credentials, view: InstanceView, images: Images, around: Surroundings | None
    ) -> _Fragment:
        own = self._callers.get(credentials)
        if own is None:
            own = self._callers[credentials] = _Own(images, around)
        self._callers.move_to_end(credentials)
        own.turn_to(images, around)
        fragment = own.get(view)
        if fragment is None:
            whole = written(reservation_item([view], images, credentials.user, around))
            fragment = _Fragment(view, own.beside(view), own.number, whole, whole.index(_MEMBERS) + len(_MEMBERS))
            before = own.fragments.get(view.instance.id)
            own.fragments[view.instance.id] = fragment
            self.bytes += _size(fragment) - (0 if before is None else _size(before))
            self._make_room()
        return fragment

    def _make_room(self) -> None:
        while self.bytes > self._most:
            _, forgotten = self._callers.popitem(last=False)
            self.bytes -= sum(map(_size, forgotten.fragments.values()))

    def forget_others(self, credentials: Credentials, views: Sequence[InstanceView]) -> None:
        """Let go of the fragments of instances that a caller has no more.

        :param views: all that there are.
        """
        own = self._callers.get(credentials)
        if own is not None and len(own.fragments) > len(views):
            there = {view.instance.id for view in views}
            for key in own.fragments.keys() - there:
                self.bytes -= _size(own.fragments.pop(key))


def _size(fragment: _Fragment) -> int:
    return len(fragment.whole) + _OVERHEAD


def _together(fragments: Sequence[_Fragment]) -> Written:
    """One reservation of several instances; what is told of it is told by the first."""
    first = fragments[0]
    items = [each.whole[each.cut : -len(_END)] for each in fragments]
    return Written(b"".join((first.whole[: first.cut], *items, _END)))
