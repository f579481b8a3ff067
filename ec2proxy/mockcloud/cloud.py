"""The embedded cloud itself, without HTTP: plain objects, and what can be done with them."""

import secrets
from collections import Counter, deque
from collections.abc import Callable, Container, Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone

from attrs import evolve, field, frozen
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime

from ec2proxy.mockcloud.data import DEFAULT_PROFILE, PROFILES, REALMS, host_name, images, instances
from ec2proxy.mockcloud.features import Features
from ec2proxy.mockcloud.firewalls import Firewalls
from ec2proxy.mockcloud.instances import Instances
from ec2proxy.mockcloud.keys import Keys, MakeKey, key_pair, make_rsa_key, public_fingerprint
from ec2proxy.mockcloud.machines import MACHINES
from ec2proxy.mockcloud.network import Networking
from ec2proxy.mockcloud.storage import Storage
from ec2proxy.mockcloud.things import UNITS, Fault, Image, Instance, Key
from ec2proxy.mockcloud.trouble import Trouble

MOCK_USERS: Mapping[str, str] = {"mockuser": "mockpassword"}

_CEST = timezone(timedelta(hours=2), "CEST")

LAUNCH_TIMES: Mapping[str, Callable[[datetime], str] | None] = {
    "none": None,
    "ctime": lambda time: time.astimezone(_CEST).strftime("%a %b %d %H:%M:%S %Z %Y"),
    "iso": lambda time: time.astimezone(_CEST).isoformat(timespec="seconds"),
    "iso-z": lambda time: time.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    "ruby": lambda time: time.strftime("%Y-%m-%d %H:%M:%S %z"),
    "epoch": lambda time: str(int(time.timestamp())),
    "padded": lambda time: f"\n{time.strftime('%Y-%m-%dT%H:%M:%SZ')}\n",
}
"""How drivers write an instance's ``launch_time``; ``none``: not at all, as the mock driver."""


@frozen
class Received:
    """A request that the cloud received. Forms and headers may hold secrets, so they are in no repr.

    :param form: the fields of the query and the body.
    """

    method: str
    path: str
    form: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


class MockCloud:
    """A whole cloud in memory.

    :param clock: gives the time, and delays what trouble delays.
    :param users: the names and passwords of those who may use it; what is there at the start is the first one's.
    :param machine: whose life cycle instances have, a name of :data:`ec2proxy.mockcloud.machines.MACHINES`.
    :param features: features to have beyond the mock driver's; ``firewalls`` brings its collection along.
    :param without: features and collections to go without.
    :param pending: seconds that an instance is PENDING; 0: it never shows.
    :param stopping: seconds that an instance is STOPPING, in a life cycle that has that state.
    :param list_lag: seconds after which a created instance shows in the index.
    :param launch_time: how instances tell when they were created, a name of :data:`LAUNCH_TIMES`.
    :param reuse_ids: give the ids of destroyed instances again, as Deltacloud's mock driver does.
    :param now: gives the aware time; the clock's by default.
    :param make_key: makes private keys.
    :param in_thread: runs what takes long (making a key) and gives a Deferred; by default at once, in place.
    :param keep_requests: how many requests :attr:`requests` remembers.
    :raises ValueError: an unknown machine, feature or launch_time.
    """

    def __init__(
        self,
        clock: IReactorTime,
        *,
        users: Mapping[str, str] = MOCK_USERS,
        machine: str = "mock",
        features: Iterable[str] = (),
        without: Iterable[str] = (),
        pending: float = 0.0,
        stopping: float = 0.0,
        list_lag: float = 0.0,
        launch_time: str = "none",
        reuse_ids: bool = True,
        now: Callable[[], datetime] | None = None,
        make_key: MakeKey = make_rsa_key,
        in_thread: "Callable[[MakeKey], Deferred[object]]" = maybeDeferred,
        keep_requests: int = 0,
    ) -> None:
        if machine not in MACHINES:
            raise ValueError(f"unknown machine {machine!r}; known are {', '.join(MACHINES)}")
        if launch_time not in LAUNCH_TIMES:
            raise ValueError(f"unknown launch_time {launch_time!r}; known are {', '.join(LAUNCH_TIMES)}")
        self.clock = clock
        self.users = dict(users)
        self.machine = MACHINES[machine]
        self.features = Features(features, without)
        self.pending = pending
        self.stopping = stopping
        self.list_lag = list_lag
        self.reuse_ids = reuse_ids
        self.now = now if now is not None else self._clock_time
        self.trouble = Trouble()
        self.requests: deque[Received] = deque(maxlen=keep_requests)
        self.counts: Counter[str] = Counter()
        self._launch_time = LAUNCH_TIMES[launch_time]
        self._in_thread = in_thread
        self._populate(next(iter(self.users), "mockuser"), make_key)

    def _populate(self, owner: str, make_key: MakeKey) -> None:
        self.realms = {one.id: one for one in REALMS}
        self.profiles = {one.id: one for one in PROFILES}
        self.images = {one.id: one for one in images(owner)}
        self.storage = Storage(self)
        self.network = Networking(self)
        self.firewalls = Firewalls(owner)
        self.keys = Keys(owner, make_key)
        self.instances = Instances(self)
        for one in instances(owner):
            self.instances.add(one)

    def _clock_time(self) -> datetime:
        return datetime.fromtimestamp(self.clock.seconds(), UTC)

    def knows(self, user: str, password: str) -> bool:
        """Whether ``user`` may use the cloud."""
        return self.users.get(user) == password

    def time_text(self) -> str:
        """Now, as the server writes the times of what it makes (recording 60)."""
        return self.now().strftime("%Y-%m-%d %H:%M:%S %z")

    def timed_id(self, prefix: str, taken: Container[str]) -> str:
        """A free id made of the time in seconds; a second one in the same second gets the next number."""
        number = int(self.now().timestamp())
        while f"{prefix}{number}" in taken:
            number += 1
        return f"{prefix}{number}"

    def launch_text(self, instance: Instance) -> str | None:
        """The ``launch_time`` that the server shows of an instance, or None."""
        if self._launch_time is None or instance.launched is None:
            return None
        return self._launch_time(instance.launched)

    def create_instances(self, owner: str, form: Mapping[str, str]) -> list[Instance]:
        """Create an instance (recording 35), or several where the cloud has ``instance_count`` and the form says so.

        :raises Fault: 400, a hardware profile, image or firewall that does not exist (recording 38), a wrong count.
        """
        self._check(form)
        how_many = 1
        if self.features.has("instance_count") and "instance_count" in form:
            if not form["instance_count"].isdecimal() or not int(form["instance_count"]):
                raise Fault(400, f"'{form['instance_count']}' is not a number of instances")
            how_many = int(form["instance_count"])
        return [self._create_instance(owner, form) for _ in range(how_many)]

    def _check(self, form: Mapping[str, str]) -> None:
        if form.get("hwp_id", DEFAULT_PROFILE) not in self.profiles:
            raise Fault(400, f"Hardware profile '{form['hwp_id']}' does not exists.")
        if self.machine.checks_images and form["image_id"] not in self.images:
            raise Fault(400, f"Image {form['image_id']} does not exists.")
        for name in self._firewalls_of(form):
            if name not in self.firewalls:
                raise Fault(400, f"The security group '{name}' does not exist")

    def _firewalls_of(self, form: Mapping[str, str]) -> tuple[str, ...]:
        if not self.features.has("firewalls"):
            return ()
        return tuple(value for name, value in form.items() if name.startswith("firewalls"))

    def _create_instance(self, owner: str, form: Mapping[str, str]) -> Instance:
        instance_id = self.instances.free_id()
        image_id = form["image_id"]
        with_password = self.features.has("authentication_password")
        return self.instances.launch(
            Instance(
                instance_id,
                form.get("name", f"i-{int(self.now().timestamp())}"),
                owner,
                image_id,
                form.get("realm_id", next(iter(self.realms))),
                form.get("hwp_id", DEFAULT_PROFILE),
                overrides=tuple(
                    (name[4:], value) for name, value in form.items() if name.startswith("hwp_") and name[4:] in UNITS
                ),
                public_addresses=(host_name(image_id, instance_id, "public"),),
                private_addresses=(host_name(image_id, instance_id, "private"),),
                keyname=form.get("keyname"),
                username="root" if with_password else "",
                password=secrets.token_hex(8) if with_password else "",
                user_data=form.get("user_data", ""),
                firewalls=self._firewalls_of(form),
                listed_at=self.clock.seconds() + self.list_lag,
                launched=self.now(),
            )
        )

    def seed(self, number: int) -> None:
        """Fill the cloud with ``number`` further running instances of its first user."""
        pattern = self.instances["inst2"] if "inst2" in self.instances else instances(next(iter(self.users)))[2]
        for _ in range(number):
            instance_id = self.instances.free_id()
            public, private = (host_name(pattern.image_id, instance_id, kind) for kind in ("public", "private"))
            self.instances.add(
                evolve(
                    pattern,
                    id=instance_id,
                    name=f"seeded-{instance_id}",
                    public_addresses=(public,),
                    private_addresses=(private,),
                    launched=self.now(),
                )
            )

    def create_image(self, owner: str, form: Mapping[str, str]) -> Image:
        """Make an image of an instance of ``owner`` (recording 47).

        :raises Fault: there is no such instance (404), it allows none (500), or the name is taken (409).
        """
        instance = self.instances.of(owner, form["instance_id"])
        if instance is None:
            raise Fault(404, "NotFound", raised=True)
        if not instance.create_image:
            raise Fault(500, "CreateImageNotSupported", raised=True)
        name = form.get("name") or self.timed_id("image_", self.images)
        if name in self.images:
            raise Fault(409, "Image with same name already exists", raised=True)
        image = self.images[name] = Image(name, form.get("description", ""), "root", "i386")
        return image

    async def create_key(self, owner: str, form: Mapping[str, str]) -> Key:
        """Make a key pair (recording 21), or import one where the cloud has ``import_key``.

        :raises Fault: the name is taken (403, recording 23), or the public key is none (400).
        """
        name = form["name"]
        self.keys.check_free(name)
        if self.features.has("import_key") and form.get("public_key"):
            return self.keys.add(Key(name, owner, public_fingerprint(form["public_key"])))
        private = await self._in_thread(self.keys.make_key)
        return self.keys.add(key_pair(name, owner, private))  # type: ignore[arg-type]  # what make_key gave
