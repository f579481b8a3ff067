"""Lists that are cut: the same as if they were read whole, whatever they are, and what stays the same object."""

from hashlib import blake2b

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.drivers.deltacloud import parse, parse_surroundings
from ec2proxy.drivers.deltacloud.list_of import ListOf
from ec2proxy.drivers.deltacloud.segments import reading
from ec2proxy.errors import BackendError
from tests.drivers.support import recording
from tests.ec2.properties import unhurried

#: What can stand in a text and look like something else, or be wrong there.
TEXTS = (
    *(b"plain", b" \n", b"&amp;", b"&lt;/realm&gt;", b"&#x3c;", b"\xc3\xa9", b">", b"]]", b"a]]&gt;b"),
    *(b"<![CDATA[</realm>]]>", b"<![CDATA[<realm id='x'>]]>", b"<!-- </realm> -->", b"<!--<realm id='c'></realm>-->"),
    *(b"<?x </realm>?>", b"<?x <realm id='p'>?>", b"<other>deep</other>", b"<x a='>'/>", b'<x a="/realm>"/>'),
    *(b"<realm id='in'></realm>", b"<realm id='in'/>", b"<realms></realms>", b"<x xml:id='i'/>"),
    *(b"<n:x xmlns:n='u'></n:x>", b"<name xmlns='v'>w</name>", b"\r\n", b"\r"),
)
#: What is wrong nearly everywhere.
WRONG = (
    *(b"<p:realm id='n'/>", b"<p:x/>", b"<x p:y=''/>"),
    *(b"]]>", b"&a;", b"&", b"<", b"</realm>", b"<realm>", b"<realm id='b'>", b"</realms>", b"<realms>", b"\xff"),
    *(b"<![CDATA[", b"<!--", b"-->", b"<?", b"?>", b"--", b"</name>", b"<name>", b"'", b'"', b"\xc3", b"\xed\xa0\x80"),
    *(b"<?xml version='1.0'?>", b"<!DOCTYPE realms [<!ENTITY a 'b'>]>", b"</realms><realms>", b"\x0b", b"\0"),
)
HEADS = (
    *(b"", b"<?xml version='1.0' encoding='utf-8' ?>\n", b'<?xml version="1.0" encoding="UTF-8"?>', b"\n"),
    *(b"<?xml version='1.0'?>", b"<?xml version='1.1'?>", b"<?xml version='1.0' standalone='yes'?>", b"\xef\xbb\xbf"),
    *(b"<?xml version='1.0' encoding='latin-1'?>", b"<?xml version='1.0' encoding='utf-16'?>", b"<!-- <realms> -->"),
    *(b"<!DOCTYPE realms [<!ENTITY a 'b'>]>", b"<?x?>", b" <?xml version='1.0'?>", b"<?xml encoding='utf-8'?>"),
)
ROOTS = (b"<realms>", b"<realms >", b"<realms a='b'>", b"<realms xmlns='u'>", b"<realms xmlns:p='u'>", b"<others>")
TAILS = (b"</realms>", b"\n</realms>\n", b"</realms >", b"", b"</realms><x/>", b"</realms><!-- x -->", b"x</realms>")


def often(first, others, times=12):
    """Mostly the first, that the rest of a document may matter."""
    return st.sampled_from([first] * times + list(others))


#: Texts that are allowed everywhere, at least where they stand first here.
texts = st.one_of(
    st.sampled_from([b"n", *TEXTS]), st.lists(st.sampled_from([b"n", *TEXTS]), max_size=3).map(b"".join), st.just(b"")
)
realms = st.builds(
    lambda start, key, name, more, end: start % key + b"<name>" + name + b"</name>" + more + end,
    often(b"<realm href='h' id='%s'>", [b"<realm id='%s' >", b'<realm\nid="%s" a=">">', b"<realm x='%s'>"], 20),
    often(b"us", [b"eu", b"\xc3\xa9", b"", b"1"]),
    texts,
    texts,
    often(b"</realm>", [b"</realm >", b"</realm\n>"]),
)
lists = st.builds(
    lambda head, root, between, tail: head + root + b"".join(between) + tail,
    often(HEADS[1], HEADS, 60),
    often(ROOTS[0], ROOTS, 40),
    st.lists(st.sampled_from([realms] * 4 + [texts]).flatmap(lambda each: each), min_size=1, max_size=4),
    often(TAILS[1], TAILS, 40),
)


@st.composite
def changed(draw, of):
    """A list, mostly with something put in somewhere, or taken out."""
    body = draw(of)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        start = draw(st.integers(0, len(body)))
        body = body[:start] + draw(st.sampled_from((*WRONG, *TEXTS))) + body[start + draw(st.integers(0, 3)) :]
    return body


def digest(body):
    """As the transport makes one."""
    return blake2b(body, digest_size=32).digest()


def read(form, body, known=None):
    """Read a list as the driver does."""
    work = reading(form, body, digest(body), known)
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


class ParserTests(SynchronousTestCase):
    """The parser is the judge."""

    def compare(self, bodies):
        """Read lists one after the other, each with what is known of the one before."""
        known = None
        for body in bodies:
            try:
                expected = parse.realms(body)
            except BackendError as error:
                with self.assertRaises(BackendError) as raised:
                    read(parse.realms, body, known)
                self.assertEqual(str(error), str(raised.exception))
            else:
                before = known
                known = read(parse.realms, body, known)
                self.assertEqual(tuple(expected), known.items)
                self.check_same(before, known)

    def check_same(self, before, known):
        """What was there before is the same object; where nothing has changed the tuple is the same."""
        if before is not None:
            once = {one.id: one for one in before.items}
            if len(once) == len(before.items):
                for one in known.items:
                    self.assertTrue(one is once.get(one.id) or one != once.get(one.id))
                self.assertEqual(before.items == known.items, before.items is known.items)

    @settings(unhurried, max_examples=400)
    @given(st.lists(changed(lists), min_size=1, max_size=3))
    def test_any(self, bodies):
        self.compare(bodies)

    @settings(unhurried, max_examples=300)
    @given(lists, st.data())
    def test_changed(self, body, data):
        """The next list is nearly the same."""
        self.compare([body, data.draw(changed(st.just(body))), body])

    @given(st.lists(st.sampled_from((*TEXTS, *WRONG, b"<realm id='a'>", b"<name>n</name>")), max_size=12))
    @example([b"<realm id='a'><![CDATA[", b"</realm>", b"]]></realm>"])
    @example([b"<realm id='a'><realm id='b'>", b"</realm>", b"</realm>"])
    @example([b"<realm id='a'></realm></realms><realms><realm id='b'></realm>"])
    @example([b"<realm id='a'/><realm id='b'></realm>"])
    @example([b"<realm id='a' xml:id='x'></realm>", b"<realm id='b' xml:id='x'></realm>"])
    @example([b"<!-- <realm id='a'></realm>", b"<realm id='b'></realm> -->"])
    @example([b"<realm id='a'></realm>", b"]]>", b"<realm id='b'></realm>"])
    def test_soup(self, pieces):
        """Hardly ever a document at all."""
        self.compare([HEADS[1] + ROOTS[0] + b"".join(pieces) + TAILS[0]])

    def test_depth(self):
        """An element that is as deep as the parser allows, and one that is deeper."""
        for depth in (200, 252, 253, 254, 255, 256, 257, 300, 2045, 2046, 2047, 2048, 2049, 2050):
            inside = b"<x>" * depth + b"</x>" * depth
            self.compare([ROOTS[0] + b"<realm id='a'>" + inside + b"</realm>" + TAILS[0]])

    def test_long(self):
        """An element too long to be read in one go, and more than one piece of a list."""
        one = b"<realm id='a'><name>" + b"n" * 70_000 + b"</name></realm>"
        self.compare([ROOTS[0] + one * 3 + TAILS[0], ROOTS[0] + one + TAILS[0]])


class CutTests(SynchronousTestCase):
    """What real servers send is cut."""

    def test_recordings(self):
        """Every list that was recorded can be cut, but for empty ones."""
        forms = {
            "05": parse.realms,
            "12": parse.images,
            "16": parse.hardware_profiles,
            "20": parse.keys,
            "28": parse.instances,
            "52": parse_surroundings.addresses,
            "59": parse_surroundings.storage_volumes,
            "69": parse_surroundings.networks,
            "70": parse_surroundings.subnets,
            "71": parse_surroundings.network_interfaces,
        }
        for number, form in forms.items():
            body = recording(number)[1]
            known = read(form, body)
            self.assertEqual(tuple(form(body)), known.items)
            self.assertEqual(len(known.meanings), len(set(known.items)), number)

    def test_only_what_has_changed_is_read(self):
        asked = []

        def item(element):
            asked.append(element.get("id"))
            return parse.realm(element)

        form = ListOf("realms", "realm", item)
        body = b"<realms>" + b"".join(b"<realm id='%d'><name>n</name></realm>" % n for n in range(100)) + b"</realms>"
        known = read(form, body)
        self.assertEqual([str(n) for n in range(100)], asked)
        asked.clear()
        for changed, again in (
            (body.replace(b"<realm id='7'>", b"<realm  id='7'>"), ["7"]),
            (body.replace(b"'8'><name>n", b"'8'><name>m"), ["8"]),
            (body.replace(b"<realm id='9'><name>n</name></realm>", b""), []),
            (body.replace(b"<realm id='9'>", b"\n<realm id='x'></realm>\n<realm id='9'>"), ["x", "9"]),
        ):
            now = read(form, changed, known)
            self.assertEqual((again, form(changed)), (asked[: len(again)], list(now.items)))
            asked.clear()

    def test_the_same_in_other_words(self):
        """Also where a list cannot be cut."""
        body = recording("28")[1]
        first = read(parse.instances, body)
        for other in (
            body.replace(b"<state>", b"<state >"),
            body.replace(b"<instances>", b"<instances a='b'>"),
            body.replace(b"</instance>", b"</instance\n>"),
        ):
            self.assertIs(first.items, read(parse.instances, other, first).items)

    def test_one_changed(self):
        body = recording("28")[1]
        first = read(parse.instances, body)
        for root in (b"<instances>", b"<instances a='b'>"):
            other = body.replace(b"MockUserInstance", b"renamed").replace(b"<instances>", root)
            second = read(parse.instances, other, first)
            self.assertEqual("renamed", second.items[1].name)
            self.assertEqual(
                [True, False, True, True], [a is b for a, b in zip(first.items, second.items, strict=True)]
            )

    def test_order_and_number(self):
        """A list in another order, or with something twice, is another list of the same objects."""
        one, two = b"<realm id='1'></realm>", b"<realm id='2'></realm>"
        first = read(parse.realms, b"<realms>" + one + two + b"</realms>")
        for parts in ((two, one), (one, one, two), (one,), ()):
            body = b"<realms>" + b"".join(parts) + b"</realms>"
            found = read(parse.realms, body, first).items
            self.assertEqual(parse.realms(body), list(found))
            self.assertTrue(all(any(each is old for old in first.items) for each in found))

    def test_steps(self):
        """No step is large, whether or not the list can be cut, nor are there so many that they cost much."""
        one = recording("28")[1].partition(b"<instances>")[2].partition(b"</instances>")[0]
        for root in (b"<instances>", b"<instances a='b'>"):
            body = root + one * 250 + b"</instances>"
            costs = list(reading(parse.instances, body, b"", None))
            self.assertLess(max(costs), 1_000_000)
            self.assertGreater(sum(costs), len(body))
