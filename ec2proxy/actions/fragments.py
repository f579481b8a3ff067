"""Instances as they stand in an answer, written once for as long as what they are written from stays the same."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence

from attrs import define

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

    :param around: what was around it; only what concerns it has to be the same.
    :param whole: the reservation's item; it names no namespace.
    :param cut: where the instance's own item begins in it.
    """

    view: InstanceView
    images: Images
    around: Surroundings | None
    whole: Written
    cut: int

    def is_of(self, view: InstanceView, images: Images, around: Surroundings | None) -> bool:
        """Whether it would be written just so."""
        if self.view is not view:
            return False
        if self.images is not images:
            image = view.instance.image_id
            if self.images.get(image) is not images.get(image):
                return False
            self.images = images
        if self.around is not around:
            if around is None or self.around is None or not around.is_same_for(view.instance, self.around):
                return False
            self.around = around
        return True


class Fragments:
    """The fragments of all callers, each caller's apart.

    :param most: bytes that they may hold; those of the caller who has not asked for longest go first.
    """

    def __init__(self, most: int = MEMORY) -> None:
        self._most = most
        self.bytes = 0
        self._callers: OrderedDict[Credentials, dict[str, _Fragment]] = OrderedDict()

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
        own = self._own(credentials)
        key = view.instance.id
        fragment = own.get(key)
        if fragment is None or not fragment.is_of(view, images, around):
            whole = written(reservation_item([view], images, credentials.user, around))
            before = fragment
            fragment = _Fragment(view, images, around, whole, whole.index(_MEMBERS) + len(_MEMBERS))
            own[key] = fragment
            self.bytes += _size(fragment) - (0 if before is None else _size(before))
            self._make_room()
        return fragment

    def _own(self, credentials: Credentials) -> dict[str, _Fragment]:
        own = self._callers.get(credentials)
        if own is None:
            own = self._callers[credentials] = {}
        else:
            self._callers.move_to_end(credentials)
        return own

    def _make_room(self) -> None:
        while self.bytes > self._most:
            _, forgotten = self._callers.popitem(last=False)
            self.bytes -= sum(map(_size, forgotten.values()))

    def forget_others(self, credentials: Credentials, views: Sequence[InstanceView]) -> None:
        """Let go of the fragments of instances that a caller has no more.

        :param views: all that there are.
        """
        own = self._callers.get(credentials, {})
        if len(own) > len(views):
            there = {view.instance.id for view in views}
            for key in own.keys() - there:
                self.bytes -= _size(own.pop(key))


def _size(fragment: _Fragment) -> int:
    return len(fragment.whole) + _OVERHEAD


def _together(fragments: Sequence[_Fragment]) -> Written:
    """One reservation of several instances; what is told of it is told by the first."""
    first = fragments[0]
    items = [each.whole[each.cut : -len(_END)] for each in fragments]
    return Written(b"".join((first.whole[: first.cut], *items, _END)))
