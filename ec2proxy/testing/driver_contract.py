"""What every driver does, as tests: a driver that passes them can stand behind ec2proxy.

Make the suite of your driver in a test module of your own::

    class MyDriverTests(make_driver_tests(my_subject)): ...

where ``my_subject`` makes a new :class:`Subject` for each test: a driver with an empty-handed backend of its own
behind it, on an injected clock, without a network.
"""

# trial's assertions have no types.
# mypy: disable-error-code="no-untyped-call"

from collections.abc import Callable, Sequence
from typing import Any

from attrs import evolve
from twisted.internet.defer import CancelledError
from zope.interface.verify import verifyObject

from ec2proxy import errors
from ec2proxy.interfaces import (
    IAddresses,
    ICloudDriver,
    IFirewalls,
    IHardwareProfiles,
    IImages,
    IInstances,
    IKeyPairs,
    INetworkInterfaces,
    INetworks,
    IRealms,
    IStorageVolumes,
    ISubnets,
)
from ec2proxy.model import (
    Capabilities,
    Firewall,
    HardwareProfile,
    Image,
    Instance,
    KeyPair,
    Network,
    NetworkInterface,
    PublicAddress,
    Realm,
    StorageVolume,
    Subnet,
)
from ec2proxy.testing.contract_base import DriverContract, Subject, started

UNKNOWN = "there/is no?such#thing"
"""An id that no backend has, and that a careless URL would not survive."""

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFLwGFqfbTRxzPQAJpPMVUQ0Fp4ZPVVx6PJXd5Ghg1DZ"
"""Of nobody."""


class _Reading(DriverContract):
    """Interfaces, capabilities and lists."""

    def test_interfaces(self) -> None:
        """The driver and its collections provide what they declare."""
        verifyObject(ICloudDriver, self.driver)
        for interface, collection in (
            (IRealms, self.driver.realms),
            (IImages, self.driver.images),
            (IInstances, self.driver.instances),
            (IKeyPairs, self.driver.keys),
            (IHardwareProfiles, self.driver.hardware_profiles),
            (IFirewalls, self.driver.firewalls),
            (INetworks, self.driver.networks),
            (ISubnets, self.driver.subnets),
            (INetworkInterfaces, self.driver.network_interfaces),
            (IStorageVolumes, self.driver.storage_volumes),
            (IAddresses, self.driver.addresses),
        ):
            verifyObject(interface, collection)

    def test_capabilities(self) -> None:
        """They name collections, and stay the same."""
        capabilities = self.done(self.driver.capabilities(self.mine))
        self.assertIsInstance(capabilities, Capabilities)
        self.assertIn("instances", capabilities.collections)
        self.assertEqual(capabilities, self.done(self.driver.capabilities(self.subject.other)))
        for name, ways in capabilities.states.states.items():
            self.assertEqual(name, name.lower())
            self.assertTrue({way.to for way in ways} <= set(capabilities.states.states))

    def test_lists(self) -> None:
        """Each collection lists its own kind of object, each with an id of its own."""
        for collection, kind in (
            (self.driver.realms, Realm),
            (self.driver.images, Image),
            (self.driver.hardware_profiles, HardwareProfile),
            (self.driver.keys, KeyPair),
            (self.driver.instances, Instance),
        ):
            self._see(self.done(collection.list(self.mine)), kind)

    def test_optional_lists(self) -> None:
        """So does each that a backend may lack; one that it does not list is Unsupported."""
        capabilities = self.done(self.driver.capabilities(self.mine))
        for name, kind in (
            ("firewalls", Firewall),
            ("networks", Network),
            ("subnets", Subnet),
            ("network_interfaces", NetworkInterface),
            ("storage_volumes", StorageVolume),
            ("addresses", PublicAddress),
        ):
            collection = getattr(self.driver, name)
            if name in capabilities.collections:
                self._see(self.done(collection.list(self.mine)), kind)
                self.refused(errors.Unauthenticated, collection.list(self.subject.wrong))
            else:
                self.refused(errors.Unsupported, collection.list(self.mine))

    def _see(self, found: Sequence[Any], kind: type[object]) -> None:
        self.assertTrue(all(isinstance(one, kind) for one in found))
        ids = [one.id for one in found]
        self.assertEqual(len(set(ids)), len(ids))
        self.assertNotIn("", ids)

    def test_spec_is_possible(self) -> None:
        """What instances are created from is listed."""
        images = self.done(self.driver.images.list(self.mine))
        self.assertIn(self.subject.spec.image_id, [image.id for image in images])


class _Instances(DriverContract):
    """The life of an instance."""

    def test_create_get_list(self) -> None:
        """A created instance is what was asked for, and is listed as it is shown."""
        instance = self.created()
        self.assertEqual(self.subject.spec.image_id, instance.image_id)
        self.assertEqual(instance.state, instance.state.upper())
        self.assertIn(instance, self.done(self.driver.instances.list(self.mine)))

    def test_stop_and_start(self) -> None:
        """Stop and start move an instance between the backend's states, where it has both."""
        machine, instance = self.machine(), self.created()
        if machine.allows("running", "stop") and machine.allows("stopped", "start"):
            self._to(instance.id, "RUNNING", "start")
            self._to(instance.id, "STOPPED", "stop")
            self._to(instance.id, "RUNNING", "start")

    def test_reboot(self) -> None:
        """A rebooted instance is what it was, where it can be rebooted."""
        instance = self.created()
        if "reboot" in instance.actions:
            self.assertEqual(instance.id, self.done(self.driver.instances.reboot(self.mine, instance.id)).id)
            self.subject.settle()
            self.assertEqual(instance.state, self.now(instance.id).state)

    def test_destroy(self) -> None:
        """A destroyed instance is gone; where it has to be stopped first, the stop may be enough."""
        instance = self.created()
        if "destroy" not in instance.actions:
            self.done(self.driver.instances.stop(self.mine, instance.id))
            self.subject.settle()
        if self._is_there(instance.id):
            self.assertIsNone(self.done(self.driver.instances.destroy(self.mine, instance.id)))
            self.subject.settle()
        missing = self.refused(errors.NotFound, self.driver.instances.get(self.mine, instance.id))
        self.assertEqual(("instances", (instance.id,)), (missing.kind, missing.ids))
        self.assertFalse(self._is_there(instance.id))

    def test_wrong_state(self) -> None:
        """What an instance's state does not allow is WrongState and changes nothing."""
        instance = self.created()
        for verb in sorted({"start", "stop", "reboot", "destroy"} - instance.actions):
            call = getattr(self.driver.instances, verb)
            self.assertFalse(self.refused(errors.WrongState, call(self.mine, instance.id)).ambiguous)
        self.assertEqual(instance, self.now(instance.id))

    def test_unknown(self) -> None:
        """Every call about an unknown instance is NotFound and names it, whatever its id looks like."""
        for verb in ("get", "start", "stop", "reboot", "destroy"):
            for instance_id in (UNKNOWN, "unknown", "..", ""):
                call = getattr(self.driver.instances, verb)
                missing = self.refused(errors.NotFound, call(self.mine, instance_id))
                self.assertEqual(("instances", (instance_id,)), (missing.kind, missing.ids))

    def test_features(self) -> None:
        """A spec that needs a feature which is not listed is Unsupported, and nothing is created."""
        features = {
            "user_data": evolve(self.subject.spec, user_data="aGVsbG8="),
            "authentication_key": evolve(self.subject.spec, keyname="some-key"),
            "firewalls": evolve(self.subject.spec, firewall_ids=("some-group",)),
        }
        capabilities = self.done(self.driver.capabilities(self.mine))
        before = self.done(self.driver.instances.list(self.mine))
        for feature, spec in features.items():
            if not capabilities.has_feature("instances", feature):
                refusal = self.refused(errors.Unsupported, self.driver.instances.create(self.mine, spec))
                self.assertFalse(refusal.ambiguous)
        self.assertEqual(before, self.done(self.driver.instances.list(self.mine)))

    def test_name_is_a_wish(self) -> None:
        """A name is used where the backend takes one, and does no harm elsewhere."""
        spec = evolve(self.subject.spec, name="a name")
        (instance,) = self.done(self.driver.instances.create(self.mine, spec))
        if self.done(self.driver.capabilities(self.mine)).has_feature("instances", "user_name"):
            self.assertEqual("a name", instance.name)

    def _to(self, instance_id: str, state: str, verb: str) -> None:
        if self.now(instance_id).state != state:
            call = getattr(self.driver.instances, verb)
            self.assertEqual(instance_id, self.done(call(self.mine, instance_id)).id)
            self.subject.settle()
            if self._is_there(instance_id):
                self.assertEqual(state, self.now(instance_id).state)

    def _is_there(self, instance_id: str) -> bool:
        return instance_id in [one.id for one in self.done(self.driver.instances.list(self.mine))]


class _Others(DriverContract):
    """Keys and images."""

    def test_key(self) -> None:
        """A key pair is made with its private key, listed, and destroyed."""
        key = self.done(self.driver.keys.create(self.mine, "contract"))
        self.assertEqual("contract", key.name)
        self.assertIn("PRIVATE KEY", key.pem)
        self.assertTrue(key.fingerprint)
        self.assertNotIn(key.pem, repr(key))
        self.assertIn(key.id, [one.id for one in self.done(self.driver.keys.list(self.mine))])
        self.assertIsNone(self.done(self.driver.keys.destroy(self.mine, key.id)))
        self.assertNotIn(key.id, [one.id for one in self.done(self.driver.keys.list(self.mine))])

    def test_key_name_taken(self) -> None:
        """A second key pair of a name is a Conflict that names it."""
        self.done(self.driver.keys.create(self.mine, "contract"))
        conflict = self.refused(errors.Conflict, self.driver.keys.create(self.mine, "contract"))
        self.assertEqual(("keys", "contract", False), (conflict.kind, conflict.name, conflict.ambiguous))

    def test_imported_key(self) -> None:
        """A public key is taken in where the backend has the feature; its private key stays where it is."""
        call = self.driver.keys.import_key(self.mine, "contract", PUBLIC_KEY)
        if not self.done(self.driver.capabilities(self.mine)).has_feature("keys", "import_key"):
            self.refused(errors.Unsupported, call)
            return
        key = self.done(call)
        self.assertEqual(("contract", ""), (key.name, key.pem))
        self.assertIn(key.id, [one.id for one in self.done(self.driver.keys.list(self.mine))])
        again = self.driver.keys.import_key(self.mine, "contract", PUBLIC_KEY)
        self.assertEqual("contract", self.refused(errors.Conflict, again).name)

    def test_unknown_key(self) -> None:
        """Destroying a key pair that is not there is NotFound."""
        missing = self.refused(errors.NotFound, self.driver.keys.destroy(self.mine, UNKNOWN))
        self.assertEqual(("keys", (UNKNOWN,)), (missing.kind, missing.ids))

    def test_image(self) -> None:
        """An image is made of an instance, listed, and destroyed."""
        instance = self.created()
        if "create_image" not in instance.actions:
            return
        image = self.done(self.driver.images.create(self.mine, instance.id, "contract", "made by a test"))
        self.assertIn(image.id, [one.id for one in self.done(self.driver.images.list(self.mine))])
        self.assertIsNone(self.done(self.driver.images.destroy(self.mine, image.id)))
        self.assertNotIn(image.id, [one.id for one in self.done(self.driver.images.list(self.mine))])

    def test_unknown_image(self) -> None:
        """So is an unknown image, and an unknown instance to make one of."""
        missing = self.refused(errors.NotFound, self.driver.images.destroy(self.mine, UNKNOWN))
        self.assertEqual(("images", (UNKNOWN,)), (missing.kind, missing.ids))
        missing = self.refused(errors.NotFound, self.driver.images.create(self.mine, UNKNOWN, "name", ""))
        self.assertEqual(("instances", (UNKNOWN,)), (missing.kind, missing.ids))


class _Callers(DriverContract):
    """Several callers, and callers who go away."""

    def test_wrong_credentials(self) -> None:
        """Whoever the backend does not know is Unauthenticated, also right after someone it knows."""
        driver, wrong = self.driver, self.subject.wrong
        self.done(driver.instances.list(self.mine))
        for call in (
            driver.images.list(wrong),
            driver.instances.list(wrong),
            driver.instances.get(wrong, "unknown"),
            driver.instances.create(wrong, self.subject.spec),
            driver.instances.stop(wrong, "unknown"),
            driver.instances.destroy(wrong, "unknown"),
            driver.keys.list(wrong),
            driver.keys.create(wrong, "contract"),
            driver.keys.destroy(wrong, "unknown"),
        ):
            error = self.refused(errors.Unauthenticated, call)
            self.assertFalse(error.ambiguous)
            self.assertNotIn(wrong.password, str(error))
        self.done(driver.instances.list(self.mine))

    def test_callers_kept_apart(self) -> None:
        """What one caller makes is its own: the other neither sees nor destroys it."""
        key = self.done(self.driver.keys.create(self.mine, "mine"))
        self.assertNotIn(key.id, [one.id for one in self.done(self.driver.keys.list(self.subject.other))])
        (theirs,) = self.done(self.driver.instances.create(self.subject.other, self.subject.spec))
        self.assertNotIn(theirs.id, [one.id for one in self.done(self.driver.instances.list(self.mine))])
        self.refused(errors.NotFound, self.driver.instances.get(self.mine, theirs.id))
        self.refused(errors.NotFound, self.driver.instances.stop(self.mine, theirs.id))

    def test_cancelled(self) -> None:
        """A cancelled call ends at once, and however many were cancelled, the next is answered."""
        self.subject.hang()
        calls = [started(self.driver.instances.list(self.mine)) for _ in range(300)]
        for call in calls:
            self.assertNoResult(call)
        for call in calls:
            call.cancel()
            self.failureResultOf(call, CancelledError)
        self.subject.heal()
        self.done(self.driver.instances.list(self.mine))

    def test_shared_capabilities(self) -> None:
        """Who gives up waiting for the capabilities does not take them from the others."""
        self.subject.hang()
        first = started(self.driver.capabilities(self.mine))
        second = started(self.driver.capabilities(self.subject.other))
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertNoResult(second)
        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.subject.heal()
        self.done(self.driver.capabilities(self.mine))

    def test_close(self) -> None:
        """A driver can be closed, twice too."""
        self.done(self.driver.instances.list(self.mine))
        self.assertIsNone(self.done(self.driver.close()))
        self.assertIsNone(self.done(self.driver.close()))


def make_driver_tests(make_subject: Callable[[], Subject]) -> type[DriverContract]:
    """The contract suite of one driver, a test case to subclass in a test module.

    :param make_subject: makes a subject; called before each test.
    """

    class DriverTests(_Reading, _Instances, _Others, _Callers):
        """The contract suite."""

        def make_subject(self) -> Subject:
            """Make the subject."""
            return make_subject()

    return DriverTests
