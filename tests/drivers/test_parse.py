"""Documents to model objects: the recordings of a real server, and what no server should send."""

import contextlib
import tracemalloc
from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.drivers.deltacloud import parse
from ec2proxy.drivers.deltacloud.documents import CHUNK, batches_of
from ec2proxy.errors import BackendError
from ec2proxy.model import Address, AttachedVolume, HardwareProperty, KeyPair, Realm, Transition
from tests.drivers.support import recording

LISTS = {
    "05": (parse.realms, 2),
    "12": (parse.images, 3),
    "15": (parse.images, 1),
    "16": (parse.hardware_profiles, 4),
    "20": (parse.keys, 1),
    "28": (parse.instances, 4),
    "33": (parse.instances, None),
    "34": (parse.instances, None),
}
SINGLES = {
    **dict.fromkeys(("13", "47"), parse.image_document),
    **dict.fromkeys(("21", "22"), parse.key_document),
    **dict.fromkeys(("29", "35", "36", "39", "40", "42", "44", "45", "49", "63"), parse.instance_document),
}
READERS = (
    parse.entry_point,
    parse.state_machine,
    parse.realms,
    parse.images,
    parse.image_document,
    parse.hardware_profiles,
    parse.keys,
    parse.key_document,
    parse.instances,
    parse.instance_document,
    parse.created_instances,
)


def instance(inside="", start="<instance id='i'>"):
    """Read an instance with these fields."""
    return parse.instance_document(f"{start}{inside}</instance>".encode())


class RecordingTests(SynchronousTestCase):
    """Every recording of a collection that the driver uses."""

    def test_lists(self):
        """Each list is read whole."""
        for number, (read, count) in LISTS.items():
            found = read(recording(number)[1])
            self.assertTrue(all(one.id for one in found), number)
            if count is not None:
                self.assertEqual(count, len(found), number)

    def test_singles(self):
        """Each object is read, and is not mistaken for another kind."""
        for number, read in SINGLES.items():
            body = recording(number)[1]
            self.assertTrue(read(body).id)
            for other in set(READERS) - {read, parse.created_instances}:
                self.assertRaises(BackendError, other, body)

    def test_entry_point(self):
        """01: the driver's name, its collections, and the features of its instances."""
        entry = parse.entry_point(recording("01")[1])
        self.assertEqual("mock", entry.driver)
        self.assertEqual(15, len(entry.collections))
        features = frozenset(("metrics", "realm_filter", "user_name", "authentication_key"))
        self.assertEqual({"instances": features}, entry.features)
        self.assertEqual(entry, parse.entry_point(recording("04")[1]))

    def test_state_machine(self):
        """19: states, actions and what happens by itself."""
        machine = parse.state_machine(recording("19")[1])
        self.assertEqual({"start", "pending", "running", "stopped", "finish"}, set(machine.states))
        self.assertEqual((Transition("running", auto=True),), machine.states["pending"])
        self.assertTrue(machine.allows("stopped", "destroy"))
        self.assertFalse(machine.allows("running", "destroy"))

    def test_realms(self):
        """05."""
        us, eu = Realm("us", "United States", "AVAILABLE"), Realm("eu", "Europe", "AVAILABLE")
        self.assertEqual([us, eu], parse.realms(recording("05")[1]))

    def test_image(self):
        """13: with the time zone that it names."""
        image = parse.image_document(recording("13")[1])
        self.assertEqual(("img1", "Fedora 10", "x86_64"), (image.id, image.description, image.architecture))
        self.assertEqual(("m1-small", "m1-large", "m1-xlarge", "opaque"), image.hardware_profile_ids)
        self.assertEqual(frozenset(("create_instance", "destroy_image")), image.actions)
        self.assertEqual(datetime(2012, 10, 25, 14, 27, 53, tzinfo=timezone(timedelta(hours=2))), image.creation_time)

    def test_hardware_profiles(self):
        """16: fixed values, ranges and enumerations; an opaque one has none."""
        small, large, _, opaque = parse.hardware_profiles(recording("16")[1])
        self.assertEqual(HardwareProperty("memory", "fixed", "MB", "1740.8"), small.properties[1])
        self.assertEqual(HardwareProperty("cpu", "range", "count", "1", "1", "6"), large.properties[0])
        self.assertEqual(HardwareProperty("storage", "enum", "GB", "850", entries=("850", "1024")), large.properties[2])
        self.assertEqual((), opaque.properties)

    def test_key(self):
        """21: the private key without its padding, and never in a repr."""
        key = parse.key_document(recording("21")[1])
        self.assertEqual(("deploy", "deploy"), (key.id, key.name))
        self.assertTrue(key.pem.startswith("-----BEGIN RSA PRIVATE KEY-----"))
        self.assertTrue(key.pem.endswith("-----END RSA PRIVATE KEY-----"))
        self.assertNotIn("PRIVATE", repr(key))

    def test_instances(self):
        """28, 63: overrides, addresses, interfaces, volumes, an empty name."""
        first, second, _, last = parse.instances(recording("28")[1])
        self.assertEqual((HardwareProperty("memory", "fixed", "MB", "12288"),), first.hardware_overrides)
        self.assertEqual((Address("hostname", "img1.inst0.public.com"),), first.public_addresses)
        self.assertEqual(frozenset(("reboot", "stop", "run", "create_image")), first.actions)
        self.assertEqual(("nic1",), second.network_interface_ids)
        self.assertEqual(("", "eu", "", None), (last.name, last.realm_id, last.keyname, last.launch_time))
        (volume,) = parse.instance_document(recording("63")[1]).storage_volumes
        self.assertEqual(AttachedVolume("volume_1795453658", "/dev/sdc"), volume)

    def test_created(self):
        """35, and the list that some drivers answer a create with."""
        self.assertEqual(["inst4"], [one.id for one in parse.created_instances(recording("35")[1])])
        self.assertEqual(4, len(parse.created_instances(recording("28")[1])))


class FieldTests(SynchronousTestCase):
    """What other drivers than the mock driver send."""

    def test_bare(self):
        """Only the id has to be there; a missing state is UNKNOWN."""
        bare = instance()
        self.assertEqual(
            ("i", "UNKNOWN", "", frozenset(), ()), (bare.id, bare.state, bare.name, bare.actions, bare.public_addresses)
        )

    def test_padding(self):
        """Text padded by newlines, a state in small letters, an id as a child."""
        padded = instance("<id>\ni\n</id><name>\n a b \n</name><state>\nrunning\n</state>", "<instance>")
        self.assertEqual(("i", "a b", "RUNNING"), (padded.id, padded.name, padded.state))

    def test_no_id(self):
        """An object without an id is none."""
        for start in ("<instance>", "<instance id=''>", "<instance id=' '>"):
            self.assertRaises(BackendError, instance, "<name>n</name>", start)
        self.assertRaises(BackendError, parse.realms, b"<realms><realm><name>n</name></realm></realms>")

    def test_addresses(self):
        """Every type is kept, one that is not known too; empty ones are not."""
        found = instance(
            "<public_addresses><address type='ipv4'>\n10.0.0.1\n</address><address type='vnc' port='5901'>h</address>"
            "<address type='carrier-pigeon'>x</address><address>y</address><address type='ipv4'></address>"
            "<address type='vnc' port='many'>z</address></public_addresses>"
        ).public_addresses
        self.assertEqual(
            (
                Address("ipv4", "10.0.0.1"),
                Address("vnc", "h", 5901),
                Address("carrier-pigeon", "x"),
                Address("unknown", "y"),
                Address("vnc", "z"),
            ),
            found,
        )

    def test_authentication(self):
        """A user name with a password, or a key's name, or an error."""
        login = (
            "<authentication type='password'><login><username>root</username>"
            "<password>\n<![CDATA[s3<cret]]>\n</password></login></authentication>"
        )
        found = instance(login)
        self.assertEqual(("root", "s3<cret", ""), (found.username, found.password, found.keyname))
        self.assertNotIn("s3<cret", repr(found))
        self.assertEqual("k", instance("<authentication><login><keyname>k</keyname></login></authentication>").keyname)
        self.assertEqual("", instance("<authentication><error>no</error></authentication>").keyname)

    def test_others(self):
        """Times, security groups, and elements that nobody knows."""
        found = instance(
            "<launch_time>2026-11-23T17:07:38Z</launch_time><firewalls><firewall id='default'/><firewall/></firewalls>"
            "<surprise><id>other</id></surprise><!-- a remark --><?target data?>"
        )
        self.assertEqual((2026, ("default",), "i"), (found.launch_time.year, found.firewall_ids, found.id))

    def test_password_key(self):
        """A key that is a password has no fingerprint and no private key."""
        key = parse.key_document(b"<key id='k' type='password'><name>k</name><username>u</username></key>")
        self.assertEqual(KeyPair("k", "k"), key)

    def test_nested_namesakes(self):
        """Only what stands directly in the list is an object of it."""
        body = b"<instances><instance id='a'><x><instance id='b'/></x></instance><x><instance id='c'/></x></instances>"
        self.assertEqual(["a"], [one.id for one in parse.instances(body)])


class ForeignTests(SynchronousTestCase):
    """What is not the expected document is BackendError, and nothing else."""

    def assert_refused(self, body):
        """No reader takes it."""
        for read in READERS:
            self.assertRaises(BackendError, read, body)

    def test_foreign(self):
        """HTML, plain text, nothing at all, other XML, bytes."""
        for body in (
            b"",
            b" ",
            b"OK",
            b"<!DOCTYPE html><html><body><br></body></html>",
            b"<html><body>Sign in</body></html>",
            b"<other/>",
            b"<error status='202'><message>accepted</message></error>",
            b"\x00\xff\xfe<instances/>",
            b"<?xml version='1.0' encoding='nonsense'?><instances/>",
            b"<ns:instances xmlns:ns='urn:x'/>",
            recording("08")[1],
            recording("73")[1],
        ):
            self.assert_refused(body)

    def test_truncated(self):
        """A list cut off anywhere is no shorter list."""
        body = recording("28")[1].rstrip()
        for end in range(0, len(body), 97):
            self.assertRaises(BackendError, parse.instances, body[:end])
        self.assertRaises(BackendError, parse.instances, body + b"<more/>")

    def test_entity_bombs(self):
        """Entities are not expanded: not in text, not in attributes, not from files."""
        levels = b"".join(b'<!ENTITY %c "%s">' % (97 + i, b"&%c;" % (96 + i) * 20) for i in range(1, 9))
        for entities in (b'<!ENTITY a "aaaaaaaaaaaaaaaa">' + levels, b'<!ENTITY i SYSTEM "file:///etc/passwd">'):
            for place in (b"<instance id='x'><name>&i;</name></instance>", b"<instance id='&i;'/>", b"&i;"):
                body = b"<!DOCTYPE x [%s]><instances>%s</instances>" % (entities, place)
                tracemalloc.start()
                self.assert_refused(body)
                self.assertLess(tracemalloc.get_traced_memory()[1], 2**20)
                tracemalloc.stop()

    def test_dtd(self):
        """A document with a DTD is refused even where it would be harmless."""
        self.assert_refused(b"<!DOCTYPE instances [<!ENTITY a 'b'>]><instances><instance id='&a;'/></instances>")
        self.assert_refused(b"<!DOCTYPE instance SYSTEM 'http://example.com/x.dtd'><instance id='i'/>")

    def test_deep(self):
        """Elements nested without end are refused, not followed."""
        self.assert_refused(b"<instances>" + b"<a>" * 100_000)

    def test_many(self):
        """10,000 instances are read in their order, without a tree of them all in memory."""
        body = recording("28")[1].replace(b"</instances>", b"")
        head, _, four = body.partition(b"<instances>")
        many = (
            head
            + b"<instances>"
            + b"".join(four.replace(b"id='inst", b"id='%d-" % n) for n in range(2500))
            + b"</instances>"
        )
        found = parse.instances(many)
        self.assertEqual(10_000, len(found))
        self.assertEqual(["0-0", "0-1", "0-2", "0-3", "1-0"], [one.id for one in found[:5]])

    def test_cleared(self):
        """Of a list no more is kept than what ends in one piece of it."""
        one = b"<realm id='r'><name>n</name></realm>"
        body = b"<realms>" + one * 10_000 + b"</realms>"
        seen = []
        for batch in batches_of(body, "realms", "realm"):
            self.assertLessEqual(len(batch), CHUNK / len(one) + 1)
            for element in batch:
                self.assertEqual("n", element.findtext("name"))
                self.assertLessEqual(len(list(element.itersiblings(preceding=True))), len(batch) + 1)
            seen += batch
        self.assertEqual([0] * 10_000, [len(element) for element in seen])

    @given(st.binary(max_size=200))
    def test_noise(self, noise):
        """Noise is refused."""
        self.assert_refused(noise)

    @given(st.integers(0, 4700), st.integers(0, 255))
    def test_one_byte_wrong(self, place, value):
        """A document with a byte changed is read or refused."""
        body = bytearray(recording("28")[1])
        body[place % len(body)] = value
        with contextlib.suppress(BackendError):
            parse.instances(bytes(body))
