"""Hardware profiles as EC2 measures instance types: whole MiB, whole GB, whole processors."""

from collections.abc import Iterable
from decimal import ROUND_FLOOR, Decimal, InvalidOperation

from ec2proxy.model import HardwareProfile, HardwareProperty, Image

# What EC2's documents can hold (a "long"). A backend that says more says nothing.
_MOST = Decimal(2**63 - 1)

# EC2 knows few words for architectures; these are what else the same things are called.
_ARCHITECTURES = {"aarch64": "arm64", "amd64": "x86_64", "i486": "i386", "i586": "i386", "i686": "i386", "x86": "i386"}


def property_of(profile: HardwareProfile, name: str) -> HardwareProperty | None:
    """One dimension of a profile; None where the profile does not say (an opaque one says nothing)."""
    return next((each for each in profile.properties if each.name == name), None)


def whole(profile: HardwareProfile, name: str) -> int | None:
    """One dimension as a whole number, in Deltacloud's unit; of a range or an enum the default, which is what an
    instance gets unless it is asked for otherwise. None where the profile does not say.

    It is rounded down: 1740.8 MB are 1740 MiB, as EC2 itself says of the same size, and nobody plans with memory
    that is not there.
    """
    found = property_of(profile, name)
    if found is None:
        return None
    try:
        size = Decimal(found.value)
        return int(size.to_integral_value(ROUND_FLOOR)) if 0 <= size <= _MOST else None
    except InvalidOperation:
        # No number, or one that compares with none.
        return None


def cpus(profile: HardwareProfile) -> int | None:
    """How many processors; a share of one counts as one. None where the profile does not say."""
    count = whole(profile, "cpu")
    return None if count is None else max(count, 1)


def architectures(profile: HardwareProfile, runnable: Iterable[Image]) -> tuple[str, ...]:
    """The architectures of a profile, in EC2's words; where it does not say, those of the images that it runs."""
    found = property_of(profile, "architecture")
    if found is None:
        words = {image.architecture: None for image in runnable if image.architecture}
    else:
        words = dict.fromkeys((found.value, *found.entries) if found.value else found.entries)
    return tuple(dict.fromkeys(_ARCHITECTURES.get(word.lower(), word) for word in words))


def runs(profile: HardwareProfile, image: Image) -> bool:
    """Whether instances of a profile can be made of an image; an image that names no profiles runs on all."""
    return not image.hardware_profile_ids or profile.id in image.hardware_profile_ids
