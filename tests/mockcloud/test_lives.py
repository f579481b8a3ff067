"""The lives of instances in each of the drivers' shapes."""

from ec2proxy.mockcloud.machines import MACHINES

from .support import CloudTestCase

RUN = "image_id=img1&hwp_id=m1-small"

ENDS_UP_STOPPED = {"fgcp", "rhevm", "terremark"}
STOP_DESTROYS = {"openstack", "rackspace", "rimuhosting"}
NEVER_STOPS = {"condor", "sbc"}
NEVER_REBOOTS = {"fgcp", "gogrid", "rhevm"}
DESTROYED_RUNNING = {"digitalocean", "gogrid", "condor", "opennebula", "sbc"}
ANSWERS_WITH_REDIRECT = {"rimuhosting", "digitalocean", "gogrid", "rhevm", "terremark", "profitbricks"}
# Their stop leads to STOPPED at once, with nothing in between.
STOPS_AT_ONCE = {"mock", "gogrid"}


class MachineTests(CloudTestCase):
    """What the table of README.md's 'Instances' says of each driver, through the API."""

    def each(self, names=MACHINES, **options):
        """A fresh cloud for each of the shapes in ``names``, with 5 s of PENDING and 7 of STOPPING."""
        for name in sorted(names):
            self.make_cloud(machine=name, pending=5.0, stopping=7.0, **options)
            yield name

    def launch(self) -> str:
        """Create an instance and wait until it is what it ends up as; tells its id."""
        heard = self.call("POST", "/api/instances", RUN)
        self.assertEqual((heard.status, heard.xml.findtext("state")), (201, "PENDING"))
        self.clock.advance(5.0)
        return heard.xml.get("id")

    def state(self, instance_id: str) -> str | None:
        heard = self.get(f"/api/instances/{instance_id}")
        return heard.xml.findtext("state") if heard.status == 200 else None

    def running(self) -> str:
        """A running instance's id."""
        instance_id = self.launch()
        if self.state(instance_id) == "STOPPED":
            self.call("POST", f"/api/instances/{instance_id}/start")
        self.assertEqual(self.state(instance_id), "RUNNING")
        return instance_id

    def test_ends_up(self):
        """A created instance is PENDING, then RUNNING, or STOPPED in three drivers."""
        for name in self.each():
            instance_id = self.launch()
            self.assertEqual(self.state(instance_id), "STOPPED" if name in ENDS_UP_STOPPED else "RUNNING", name)

    def test_pending_lasts(self):
        """An instance is PENDING for as long as was asked for."""
        for name in self.each():
            self.call("POST", "/api/instances", RUN)
            self.clock.advance(4.9)
            self.assertEqual(self.state("inst4"), "PENDING", name)

    def test_stop_and_start(self):
        """Where a stop only stops, the instance is STOPPING, then STOPPED, and can be started."""
        for name in self.each(set(MACHINES) - STOP_DESTROYS - NEVER_STOPS):
            instance_id = self.running()
            self.call("POST", f"/api/instances/{instance_id}/stop")
            self.assertEqual(self.state(instance_id), "STOPPED" if name in STOPS_AT_ONCE else "STOPPING", name)
            self.clock.advance(7.0)
            self.assertEqual(self.state(instance_id), "STOPPED", name)
            self.clock.advance(1e6)
            self.assertEqual(self.state(instance_id), "STOPPED", name)
            self.call("POST", f"/api/instances/{instance_id}/start")
            self.clock.advance(5.0)
            self.assertEqual(self.state(instance_id), "RUNNING", name)

    def test_stop_destroys(self):
        """Where a stop is a destroy, the instance is gone after it."""
        for name in self.each(STOP_DESTROYS):
            instance_id = self.running()
            heard = self.call("POST", f"/api/instances/{instance_id}/stop")
            self.assertEqual(heard.status, 302 if name in ANSWERS_WITH_REDIRECT else 202)
            self.assertEqual(self.state(instance_id), "STOPPING", name)
            self.clock.advance(7.0)
            self.assertIsNone(self.state(instance_id), name)

    def test_stop_destroys_at_once(self):
        """With no time of stopping, the answer shows a stopped instance that is gone already."""
        self.make_cloud(machine="openstack")
        heard = self.call("POST", "/api/instances/inst0/stop")
        self.assertEqual((heard.status, heard.xml.findtext("state")), (202, "STOPPED"))
        self.assertEqual(self.get("/api/instances/inst0").status, 404)

    def test_never_stops(self):
        """Where there is no stop and no start, both are refused."""
        for name in self.each(NEVER_STOPS):
            instance_id = self.running()
            for action in ("stop", "start"):
                self.assertEqual(self.call("POST", f"/api/instances/{instance_id}/{action}").status, 405, name)

    def test_reboot(self):
        """A running instance reboots and runs, but for three drivers."""
        for name in self.each():
            instance_id = self.running()
            heard = self.call("POST", f"/api/instances/{instance_id}/reboot")
            expected = 405 if name in NEVER_REBOOTS else 302 if name in ANSWERS_WITH_REDIRECT else 202
            self.assertEqual(heard.status, expected, name)
            self.assertEqual(self.state(instance_id), "RUNNING", name)

    def test_destroy_running(self):
        """A running instance can be destroyed in five drivers, and only there."""
        for name in self.each():
            instance_id = self.running()
            heard = self.call("DELETE", f"/api/instances/{instance_id}")
            self.assertEqual(heard.status, 204 if name in DESTROYED_RUNNING else 405, name)
            self.clock.advance(7.0)
            self.assertEqual(self.state(instance_id), None if name in DESTROYED_RUNNING else "RUNNING", name)

    def test_destroy_stopped(self):
        """A stopped instance can be destroyed, where stopping is not that already."""
        for name in self.each(set(MACHINES) - STOP_DESTROYS - NEVER_STOPS - {"opennebula"}):
            instance_id = self.running()
            self.call("POST", f"/api/instances/{instance_id}/stop")
            self.clock.advance(7.0)
            self.assertEqual(self.call("DELETE", f"/api/instances/{instance_id}").status, 204, name)
            self.assertIsNone(self.state(instance_id), name)

    def test_redirect(self):
        """Where the driver gives no instance back, an action is answered with its address."""
        self.make_cloud(machine="rhevm")
        heard = self.call("POST", "/api/instances/inst0/stop")
        self.assertEqual((heard.status, heard.body), (302, b""))
        self.assertEqual(heard.headers["location"], "http://localhost:3001/api/instances/inst0")

    def test_no_realm(self):
        """openstack names no realm."""
        self.make_cloud(machine="openstack")
        self.assertIsNone(self.get("/api/instances/inst0").xml.find("realm"))

    def test_unknown_image(self):
        """Only the mock driver starts instances of images that do not exist."""
        for name in self.each():
            heard = self.call("POST", "/api/instances", "image_id=nope")
            self.assertEqual(heard.status, 201 if name == "mock" else 400, name)

    def test_actions_follow(self):
        """An instance shows the actions that the published life cycle allows, and the others are refused."""
        for name in self.each():
            published = {
                state.get("name"): {way.get("action") for way in state} - {None}
                for state in self.get("/api/instance_states").xml
            }
            for state in ("PENDING", "RUNNING", "STOPPING", "STOPPED", "ERROR"):
                self.cloud.instances.change("inst1", state=state)
                shown = {link.get("rel") for link in self.get("/api/instances/inst1").xml.find("actions")}
                allowed = published.get(state.lower(), set())
                self.assertEqual(shown - {"run", "create_image"}, allowed, f"{name} {state}")
                if "destroy" not in allowed:
                    self.assertEqual(self.call("DELETE", "/api/instances/inst1").status, 405)

    def test_driver_name(self):
        """The server says whose shape it has."""
        for name in self.each():
            heard = self.get("/api")
            self.assertEqual((heard.headers["x-deltacloud-driver"], heard.xml.get("driver")), (name, name))


class PublishedTests(CloudTestCase):
    """``instance_states`` of the shapes."""

    def published(self, name: str) -> list[tuple[str, list[tuple[str | None, str | None, str]]]]:
        self.make_cloud(machine=name)
        return [
            (state.get("name"), [(way.get("action"), way.get("auto"), way.get("to")) for way in state])
            for state in self.get("/api/instance_states").xml
        ]

    def test_openstack(self):
        """A stopped server finishes by itself, and there is no start."""
        self.assertEqual(
            self.published("openstack"),
            [
                ("start", [("create", None, "pending")]),
                ("pending", [(None, "true", "running"), (None, "true", "error")]),
                (
                    "running",
                    [("reboot", None, "running"), ("stop", None, "stopping"), (None, "true", "error")],
                ),
                ("stopping", [(None, "true", "stopped"), (None, "true", "error")]),
                ("stopped", [(None, "true", "finish")]),
                ("finish", []),
                ("error", []),
            ],
        )

    def test_rhevm(self):
        """A created machine is stopped, and stopping is said to take a second stop."""
        self.assertEqual(
            self.published("rhevm"),
            [
                ("start", [(None, "true", "pending")]),
                ("pending", [(None, "true", "stopped")]),
                ("stopped", [("start", None, "running"), ("destroy", None, "finish")]),
                ("running", [("stop", None, "stopping")]),
                ("stopping", [("stop", None, "stopped")]),
                ("finish", []),
            ],
        )


class InstancesTests(CloudTestCase):
    """The instances as objects."""

    def test_change_ends_what_was_under_way(self):
        """A state that a test sets stays, whatever was to happen before."""
        self.make_cloud(pending=5.0)
        self.call("POST", "/api/instances", RUN)
        self.cloud.instances.change("inst4", state="ERROR")
        self.clock.advance(5.0)
        self.assertEqual(self.cloud.instances["inst4"].state, "ERROR")

    def test_destroyed_while_pending(self):
        """What was to happen to an instance does not happen to the next one of its id."""
        self.make_cloud(machine="condor", pending=5.0)
        self.call("POST", "/api/instances", RUN)
        self.clock.advance(4.0)
        self.call("DELETE", "/api/instances/inst4")
        self.call("POST", "/api/instances", RUN)
        self.clock.advance(1.0)
        self.assertEqual(self.cloud.instances["inst4"].state, "PENDING")
        self.clock.advance(4.0)
        self.assertEqual(self.cloud.instances["inst4"].state, "RUNNING")

    def test_ids_come_back(self):
        """Deltacloud's mock driver gives the lowest free id; that can be turned off."""
        for reuse, expected in ((True, "inst1"), (False, "inst5")):
            self.make_cloud(reuse_ids=reuse)
            self.call("POST", "/api/instances", RUN)
            self.call("POST", "/api/instances/inst1/stop")
            self.call("DELETE", "/api/instances/inst1")
            self.assertEqual(self.call("POST", "/api/instances", RUN).xml.get("id"), expected)

    def test_list_lag(self):
        """A created instance can be looked at before the index shows it."""
        self.make_cloud(list_lag=3.0)
        self.call("POST", "/api/instances", RUN)
        self.assertEqual(self.get("/api/instances/inst4").status, 200)
        self.assertNotIn("inst4", self.states())
        self.clock.advance(3.0)
        self.assertIn("inst4", self.states())

    def test_seed(self):
        """A large cloud is quickly made, and its index is complete."""
        self.cloud.seed(1000)
        self.assertEqual(len(self.states()), 1004)
        self.assertEqual(len(self.cloud.instances), 1004)

    def test_seed_without_a_pattern(self):
        """Seeding does not depend on what is there."""
        self.cloud.instances.remove("inst2")
        self.cloud.seed(2)
        self.assertEqual(set(self.cloud.instances), {"inst0", "inst1", "inst2", "inst3", "inst4"})
