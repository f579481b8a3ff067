"""Hardware profiles in EC2's measures."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.actions import profiles
from ec2proxy.model import HardwareProfile, HardwareProperty, Image
from tests.ec2.properties import unhurried


def profile(**values: str) -> HardwareProfile:
    """A profile whose sizes are fixed."""
    return HardwareProfile(
        "p", "p", tuple(HardwareProperty(name, "fixed", "", value) for name, value in values.items())
    )


def image(architecture: str, *profile_ids: str) -> Image:
    """An image that is made for some profiles, or for all."""
    return Image("i", "i", "AVAILABLE", architecture=architecture, hardware_profile_ids=profile_ids)


class WholeTests(SynchronousTestCase):
    def test_down(self) -> None:
        """Numbers are rounded down, as EC2 itself tells 1740 MiB of its m1.small."""
        for value, whole in (("1740.8", 1740), ("160", 160), ("0.5", 0), (" 7 ", 7), ("1e3", 1000)):
            self.assertEqual(profiles.whole(profile(memory=value), "memory"), whole)

    def test_unknown(self) -> None:
        """What is no number is as good as not said."""
        for value in ("", "lots", "NaN", "Infinity", "-1", "1e999999999"):
            self.assertIsNone(profiles.whole(profile(memory=value), "memory"), value)
        self.assertIsNone(profiles.whole(profile(), "memory"))

    @unhurried
    @given(st.text() | st.floats().map(str) | st.decimals().map(str))
    def test_anything(self, value: str) -> None:
        """Whatever a backend writes, the outcome is a number that EC2's documents can hold, or nothing."""
        found = profiles.whole(profile(memory=value), "memory")
        self.assertTrue(found is None or 0 <= found < 2**63)


class CpuTests(SynchronousTestCase):
    def test_shares(self) -> None:
        """A share of a processor is one that the instance sees."""
        for value, count in (("0.25", 1), ("1", 1), ("6.5", 6)):
            self.assertEqual(profiles.cpus(profile(cpu=value)), count)
        self.assertIsNone(profiles.cpus(profile()))


class ArchitectureTests(SynchronousTestCase):
    def test_words(self) -> None:
        """In EC2's words where it has one."""
        for word, told in (
            ("i386", "i386"),
            ("i686", "i386"),
            ("AMD64", "x86_64"),
            ("aarch64", "arm64"),
            ("s390", "s390"),
        ):
            self.assertEqual(profiles.architectures(profile(architecture=word), ()), (told,))

    def test_enum(self) -> None:
        """All that can be had, the default first, each once."""
        choice = HardwareProperty("architecture", "enum", "", "x86_64", entries=("i386", "x86_64", "amd64"))
        self.assertEqual(profiles.architectures(HardwareProfile("p", "p", (choice,)), ()), ("x86_64", "i386"))

    def test_images(self) -> None:
        """A profile that does not say runs what its images are; one that says is believed."""
        images = [image("x86_64"), image(""), image("i386"), image("x86_64")]
        self.assertEqual(profiles.architectures(profile(), images), ("x86_64", "i386"))
        self.assertEqual(profiles.architectures(profile(architecture="arm64"), images), ("arm64",))

    def test_runs(self) -> None:
        """An image that names profiles runs on no other."""
        self.assertTrue(profiles.runs(profile(), image("")))
        self.assertTrue(profiles.runs(profile(), image("", "q", "p")))
        self.assertFalse(profiles.runs(profile(), image("", "q")))
