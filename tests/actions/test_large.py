"""Large clouds: looked up, paged and written from fragments, with the same outcome as the plain way."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.actions import instance_filters
from ec2proxy.actions.fragments import Fragments
from ec2proxy.actions.instance_items import reservation_item
from ec2proxy.cloud.roster import Roster
from ec2proxy.cloud.view import InstanceView
from ec2proxy.ec2 import xml
from ec2proxy.ec2.errors import EC2Error
from ec2proxy.ec2.filters import matcher
from ec2proxy.ec2.paging import Pager
from ec2proxy.ec2.params import Filter
from ec2proxy.model import Credentials
from tests.actions.support import ActionTestCase
from tests.ec2.properties import unhurried

VALUES = {
    "instance-id": ["inst0", "inst1", "inst4", "nosuch"],
    "instance-state-name": ["running", "stopped", "pending"],
    "instance-state-code": ["16", "80"],
    "image-id": ["img1", "img3"],
    "availability-zone": ["us", "eu"],
    "instance-type": ["m1-small", "m1-large"],
    "key-name": ["k"],
    "tag:a": ["b", ""],
    "tag-key": ["a", "Name"],
    "private-dns-name": ["x"],
}
FILTERS = st.lists(
    st.sampled_from(sorted(VALUES)).flatmap(
        lambda name: st.builds(
            lambda values: Filter(name=name, values=tuple(values)),
            st.lists(st.sampled_from([*VALUES[name], "*", "?*", "\\*"]), min_size=1, max_size=3),
        )
    ),
    max_size=3,
)


class LookingUpTests(ActionTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.call("RunInstances", ImageId="img1", MinCount=3, MaxCount=3)
        self.call("CreateTags", Resources=["inst0", "inst4"], Tags=[{"Key": "a", "Value": "b"}])
        self.call("CreateTags", Resources=["inst1"], Tags=[{"Key": "a", "Value": ""}])
        self.call("StopInstances", InstanceIds=["inst1"])
        self.later(10)

    def roster(self) -> Roster:
        credentials = Credentials("mockuser", "mockpassword")
        reading = Deferred.fromCoroutine(self.cloud.lifecycle.roster(credentials))
        self.agent.flush()
        return self.successResultOf(reading)

    @unhurried
    @given(FILTERS)
    def test_as_looking_through(self, filters: list[Filter]) -> None:
        """What is looked up in indexes is what looking at each instance finds, in the same order."""
        roster = self.roster()
        table = instance_filters.table({}, "mockuser", None, {})
        wanted = list(filter(matcher(filters, table, tags=lambda view: view.tags), roster.views))
        places, left = instance_filters.narrowed(roster, filters)
        candidates = roster.views if places is None else [roster.views[place] for place in places]
        found = list(filter(matcher(left, table, tags=lambda view: view.tags), candidates))
        self.assertEqual(found, wanted)

    def test_looked_up(self) -> None:
        """Exact values are looked up, patterns and what has no index are left."""
        exact = [Filter(name=name, values=(values[0],)) for name, values in VALUES.items()]
        _, left = instance_filters.narrowed(self.roster(), exact)
        self.assertEqual([one.name for one in left], ["private-dns-name"])
        places, left = instance_filters.narrowed(self.roster(), [Filter(name="image-id", values=("img1", "i*"))])
        self.assertEqual((places, len(left)), (None, 1))

    def test_fragments(self) -> None:
        """Fragments, old and new, of single and of several instances, are what the plain payload is in XML."""
        me = Credentials("mockuser", "mockpassword")
        views = self.roster().views
        by_reservation: dict[str, list[InstanceView]] = {}
        for view in views:
            by_reservation.setdefault(view.reservation_id, []).append(view)
        self.assertIn(3, map(len, by_reservation.values()))
        plain = [reservation_item(each, {}, me.user) for each in by_reservation.values()]
        wanted = xml.response("DescribeInstances", "n", "id", {"reservationSet": plain})
        fragments = Fragments()
        for _ in range(2):
            kept = fragments.reservations(me, views, {}, None)
            self.assertEqual(xml.response("DescribeInstances", "n", "id", {"reservationSet": kept}), wanted)

    def test_fragments_bounded(self) -> None:
        """They go with their instances, and the least asked for where there are too many bytes."""
        views, fragments = self.roster().views, Fragments()
        me, you = Credentials("me", ""), Credentials("you", "")
        list(fragments.reservations(me, views, {}, None))
        size = fragments.bytes
        fragments.forget_others(me, views[:2])
        self.assertLess(0, fragments.bytes)
        self.assertLess(fragments.bytes, size)
        small = Fragments(size)
        list(small.reservations(me, views, {}, None))
        list(small.reservations(you, views, {}, None))
        self.assertEqual((list(small._callers), small.bytes <= size), ([you], True))
        tiny = Fragments(1)
        self.assertEqual(len(list(tiny.reservations(me, views, {}, None))), len({v.reservation_id for v in views}))
        self.assertEqual(tiny.bytes, 0)


class PageTests(SynchronousTestCase):
    @given(st.sets(st.text("abc", min_size=1, max_size=3)), st.sets(st.text("abc", max_size=3)), st.integers(1, 4))
    def test_same_pages(self, keys: set[str], failing: set[str], most: int) -> None:
        """Pages of what is sorted already are the same as others, tokens too."""
        pager, ordered = Pager(b"key"), sorted(keys)
        passing = [key for key in keys if key not in failing]
        token: str | None = None
        for _ in range(len(keys) + 1):
            plain = pager.page(passing, str, most, token, "asked")
            page = pager.page_of_sorted(ordered, ordered, lambda key: key not in failing, most, token, "asked")
            self.assertEqual(page, plain)
            token = page[1]
            if token is None:
                return
        self.fail("there is no end")

    def test_wrong_token(self) -> None:
        """A token that is none of this request's is refused."""
        pager = Pager(b"key")
        _, token = pager.page_of_sorted("abc", "abc", lambda _: True, 1, None, "asked")
        self.assertRaises(EC2Error, pager.page_of_sorted, "abc", "abc", lambda _: True, 1, token, "another")
