"""What the mock cloud holds at its start: what Deltacloud's own mock driver does (recordings 05, 12, 16, 28, 52-71)."""

from ec2proxy.mockcloud.things import (
    Address,
    Image,
    Instance,
    Interface,
    Network,
    Profile,
    Property,
    PublicAddress,
    Realm,
    Snapshot,
    Subnet,
    Volume,
)

REALMS = (Realm("us", "United States"), Realm("eu", "Europe"))

PROFILES = (
    Profile(
        "m1-small",
        (
            Property("cpu", "1"),
            Property("memory", "1740.8"),
            Property("storage", "160"),
            Property("architecture", "i386"),
        ),
    ),
    Profile(
        "m1-large",
        (
            Property("cpu", "1", first="1", last="6"),
            Property("memory", "10240", first="7680", last="15360"),
            Property("storage", "850", entries=("850", "1024")),
            Property("architecture", "x86_64"),
        ),
    ),
    Profile(
        "m1-xlarge",
        (
            Property("cpu", "4"),
            Property("memory", "12288", first="12288", last="32768"),
            Property("storage", "1024", entries=("1024", "2048", "4096")),
            Property("architecture", "x86_64"),
        ),
    ),
    Profile("opaque"),
)

DEFAULT_PROFILE = "m1-small"
TEST_KEY = "test-key"

_IMAGES_MADE = "Thu Oct 25 14:27:53 CEST 2012"
_VOLUMES_MADE = "Thu Jul 30 14:35:11 UTC 2009"
_SNAPSHOTS_MADE = "Wed Jul 29 18:15:24 UTC 2009"


def images(owner: str) -> tuple[Image, ...]:
    """The images; one belongs to ``owner``, two are public."""
    return (
        Image("img1", "Fedora 10", "fedoraproject", "x86_64", _IMAGES_MADE),
        Image("img2", "Fedora 10", "fedoraproject", "i386", _IMAGES_MADE),
        Image("img3", "JBoss", owner, "i386", _IMAGES_MADE),
    )


def host_name(image_id: str, instance_id: str, kind: str) -> Address:
    """The address that an instance has of its own.

    :param kind: ``public`` or ``private``.
    """
    return Address(f"{image_id}.{instance_id}.{kind}.com")


def _instance(
    owner: str, number: int, name: str, image: str, profile: str, host: str, realm_id: str = "us", **more: object
) -> Instance:
    instance_id = f"inst{number}"
    return Instance(
        instance_id,
        name,
        owner,
        image,
        realm_id,
        profile,
        public_addresses=(host_name(host, instance_id, "public"),),
        private_addresses=(host_name(host, instance_id, "private"),),
        **more,  # type: ignore[arg-type]  # it is called below only
    )


def instances(owner: str) -> tuple[Instance, ...]:
    """The instances, all of ``owner``."""
    return (
        _instance(
            owner,
            0,
            "Mock Instance With Profile Change",
            "img1",
            "m1-large",
            "img1",
            overrides=(("memory", "12288"),),
            network_interfaces=(),
        ),
        # Its image is img3 and its host name says img1: so it is in the recordings.
        _instance(owner, 1, "MockUserInstance", "img3", "m1-small", "img1", network_interfaces=("nic1",)),
        _instance(owner, 2, "AnotherInstance", "img1", "m1-large", "img1"),
        _instance(
            owner,
            3,
            "",
            "img3",
            "m1-small",
            "img3",
            realm_id="eu",
            keyname="",
            create_image=False,
            network_interfaces=("nicinst3",),
        ),
    )


ADDRESSES = tuple(PublicAddress(f"192.168.0.{number}") for number in range(1, 5))

VOLUMES = (
    Volume("vol1", "vol1", _VOLUMES_MADE, realm_id="us"),
    Volume("vol2", "vol2", _VOLUMES_MADE, realm_id="us"),
    # The instance does not list this volume, in the recordings either (28, 59).
    Volume("vol3", "vol3", _VOLUMES_MADE, realm_id="us", state="IN-USE", instance_id="inst1", device="/dev/sda1"),
)

SNAPSHOTS = (
    Snapshot("snap1", "vol1", _SNAPSHOTS_MADE),
    Snapshot("snap2", "vol2", _SNAPSHOTS_MADE),
    Snapshot("snap3", "vol2", _SNAPSHOTS_MADE),
)

NETWORKS = (
    Network("net1", "network1", ("192.168.0.0/16",), ("subnet1", "subnet2")),
    Network("net2", "network2", ("10.0.0.0/8",), ("subnet3", "subnet4")),
)

SUBNETS = (
    Subnet("subnet1", "subnet1", "net1", "192.168.1.0/24"),
    Subnet("subnet2", "subnet2", "net1", "192.168.2.0/24"),
    Subnet("subnet3", "subnet3", "net2", "10.1.0.0/16"),
    Subnet("subnet4", "subnet4", "net2", "10.2.0.0/16"),
)

INTERFACES = (
    Interface("nic1", "nic1", "inst1", "subnet1", "192.168.1.2"),
    Interface("nicinst3", "nicinst3", "inst3", "net1", "192.168.2.189"),
)
