"""The driver's calls: what is sent, and what the answers turn into, before a mock cloud."""

from attrs import evolve

from ec2proxy import errors
from ec2proxy.drivers.deltacloud.driver import DeltacloudFactory
from ec2proxy.mockcloud.trouble import Answer
from ec2proxy.model import Backend, Credentials, StateMachine
from tests.drivers.support import BASE, MINE, OTHER, SPEC, WRONG, DriverTestCase, recording

INSTANCES = "/api/instances"


class HeaderTests(DriverTestCase):
    """What goes out with every request."""

    def last(self):
        """The headers of the last request."""
        return {name.lower(): value for name, value in self.cloud.requests[-1].headers.items()}

    def test_plain(self):
        """XML is asked for, gzip taken, no cloud named."""
        self.done(self.driver.realms.list(MINE))
        headers = self.last()
        self.assertEqual("application/xml", headers["accept"])
        self.assertEqual("gzip", headers["accept-encoding"])
        self.assertEqual("Basic bW9ja3VzZXI6bW9ja3Bhc3N3b3Jk", headers["authorization"])
        self.assertFalse([name for name in headers if name.startswith("x-deltacloud")])

    def test_cloud_named(self):
        """The backend's driver and provider go out with each call."""
        self.make(driver="mock", provider="http://10.0.0.1:5000/v2.0")
        self.done(self.driver.realms.list(MINE))
        self.assertEqual("mock", self.last()["x-deltacloud-driver"])
        self.assertEqual("http://10.0.0.1:5000/v2.0", self.last()["x-deltacloud-provider"])

    def test_unicode_credentials(self):
        """Names and passwords are UTF-8; a colon is a password's only."""
        self.refused(errors.Unauthenticated, self.driver.realms.list(Credentials("\u00fcser", "p\u00e4ss:w")))
        self.assertEqual("Basic w7xzZXI6cMOkc3M6dw==", self.last()["authorization"])
        count = len(self.cloud.requests)
        self.refused(errors.Unauthenticated, self.driver.realms.list(Credentials("mockuser:x", "y")))
        self.assertEqual(count, len(self.cloud.requests))

    def test_no_cookies(self):
        """A cookie that one caller was given goes out with no one's requests."""

        async def play(exchange):
            answer = await exchange.carry_out()
            exchange.send(Answer(answer.status, {**answer.headers, "Set-Cookie": "session=1; Path=/"}, answer.body))

        self.cloud.trouble.add(play, times=None)
        for credentials in (MINE, OTHER, MINE):
            self.done(self.driver.realms.list(credentials))
            self.assertNotIn("cookie", self.last())

    def test_factory(self):
        """A backend that cannot be spoken to is refused when the driver is made."""
        for backend in (
            Backend("ftp://host/"),
            Backend(BASE, driver="mock\r\nX-Evil: 1"),
            Backend(BASE, driver=""),
            Backend(BASE, provider=" padded"),
            Backend(BASE, provider="\u00e9"),
        ):
            self.assertRaises(ValueError, DeltacloudFactory().driver, backend, self.clock, self.agent)


class CapabilityTests(DriverTestCase):
    """What the backend has is asked for once."""

    ENTRY, STATES = ("GET", "/api"), ("GET", "/api/instance_states")

    def test_once(self):
        """However many ask."""
        for credentials in (MINE, OTHER, MINE):
            self.assertEqual("mock", self.done(self.driver.capabilities(credentials)).driver)
        self.assertEqual([self.ENTRY, self.STATES], self.sent())

    def test_shared(self):
        """Who asks at the same time shares the exchange; one who gives up takes it from no one."""
        self.cloud.trouble.delay(5, times=None)
        first, second, third = (self.begin(self.driver.capabilities(who)) for who in (MINE, OTHER, MINE))
        first.cancel()
        self.failureResultOf(first)
        self.later(11)
        self.assertEqual(self.successResultOf(second), self.successResultOf(third))
        self.assertEqual([self.ENTRY, self.STATES], self.sent())

    def test_failure_forgotten(self):
        """A failure fails those who wait, and is not remembered."""
        self.cloud.trouble.answer(502)
        self.refused(errors.BackendUnavailable, self.driver.capabilities(MINE))
        self.done(self.driver.capabilities(MINE))

    def test_others_credentials(self):
        """Whose credentials are refused spoils it for no one else."""
        self.cloud.trouble.delay(5, path="/api")
        self.cloud.trouble.answer(401)
        first, second, third = (self.begin(self.driver.capabilities(who)) for who in (WRONG, MINE, WRONG))
        self.later(6)
        self.failureResultOf(first, errors.Unauthenticated)
        self.failureResultOf(third, errors.Unauthenticated)
        self.assertEqual("mock", self.successResultOf(second).driver)

    def test_no_states(self):
        """A server that does not tell its life cycle has an empty one; one that fails to has none to remember."""
        self.make(without=["instance_states"])
        self.assertEqual(StateMachine({}), self.done(self.driver.capabilities(MINE)).states)
        for status in (404, 412, 501):
            self.make()
            self.cloud.trouble.answer(status, path="/api/instance_states")
            self.assertEqual(StateMachine({}), self.done(self.driver.capabilities(MINE)).states)
        self.make()
        self.cloud.trouble.answer(500, path="/api/instance_states")
        self.refused(errors.BackendError, self.driver.capabilities(MINE))

    def test_wrong_base(self):
        """A URL with something else behind it."""
        self.make(url="http://localhost:3001/elsewhere")
        self.cloud.trouble.answer(404, b"<h1>Not Found</h1>", "text/html")
        error = self.refused(errors.BackendError, self.driver.capabilities(MINE))
        self.assertIn("URL", str(error))


class CreateTests(DriverTestCase):
    """Creating instances."""

    def form(self):
        """What the last POST carried."""
        return dict(next(one.form for one in reversed(self.cloud.requests) if one.method == "POST"))

    def test_everything(self):
        """All that a spec can say, to a backend that has it all."""
        self.make(features=("user_data", "firewalls"))
        spec = evolve(SPEC, name="n \u00e9", keyname="test-key", user_data="aGk=", firewall_ids=("default", "default"))
        (created,) = self.done(self.driver.instances.create(MINE, spec))
        self.assertEqual(("n \u00e9", "test-key"), (created.name, created.keyname))
        self.assertEqual(
            {
                "image_id": "img1",
                "hwp_id": "m1-small",
                "realm_id": "us",
                "name": "n \u00e9",
                "keyname": "test-key",
                "user_data": "aGk=",
                "firewalls1": "default",
                "firewalls2": "default",
            },
            self.form(),
        )

    def test_little(self):
        """What is empty is not sent, nor is a name that the backend has no use for."""
        self.make(without=["user_name"])
        self.done(self.driver.instances.create(MINE, evolve(SPEC, hardware_profile_id="", realm_id="", name="n")))
        self.assertEqual({"image_id": "img1"}, self.form())

    def test_unlisted_features(self):
        """Nothing is sent where a feature is asked for that is not listed."""
        self.make(without=["authentication_key"])
        for spec in (
            evolve(SPEC, keyname="k"),
            evolve(SPEC, user_data="aGk="),
            evolve(SPEC, firewall_ids=("default",)),
        ):
            self.refused(errors.Unsupported, self.driver.instances.create(MINE, spec))
        self.assertNotIn(("POST", INSTANCES), self.sent())

    def test_broken_unicode(self):
        """A value that cannot be sent is the caller's mistake."""
        self.refused(errors.InvalidRequest, self.driver.instances.create(MINE, evolve(SPEC, name="\ud800")))

    def answered(self, status, body=b"", **headers):
        """What a create gives when it is carried out and answered thus."""

        async def play(exchange):
            await exchange.carry_out()
            exchange.send(Answer(status, headers, body))

        self.cloud.trouble.add(play, method="POST", path=INSTANCES)
        return self.driver.instances.create(MINE, SPEC)

    def test_several(self):
        """Some drivers answer with a list."""
        created = self.done(self.answered(201, recording("28")[1]))
        self.assertEqual(4, len(created))

    def test_location_only(self):
        """The instance that a Location names is looked up at the configured base, whatever host it names."""
        for status in (201, 302, 303):
            self.make()
            location = {"Location": "http://evil.example/elsewhere/inst4"}
            (created,) = self.done(self.answered(status, **location))
            self.assertEqual("inst4", created.id)
            self.assertEqual(("GET", INSTANCES + "/inst4"), self.sent()[-1])

    def test_unusable(self):
        """An answer that names no instance leaves open what was created."""
        for status, body, headers, kind in (
            (201, b"", {}, errors.NotFound),
            (201, b"", {"Location": "http://h/api/instances/%ff"}, errors.NotFound),
            (201, b"", {"Location": "http://[h/api/instances/i"}, errors.NotFound),
            (201, b"", {"Location": BASE + "/instances/elsewhere"}, errors.NotFound),
            (201, b"<instances/>", {}, errors.BackendError),
            (201, b"<instance/>", {}, errors.BackendError),
            (202, b"<error status='202'/>", {}, errors.BackendError),
            (200, b"<html>", {}, errors.BackendError),
        ):
            self.make()
            self.assertTrue(self.refused(kind, self.answered(status, body, **headers)).ambiguous)

    def test_refused(self):
        """A refusal is not ambiguous, a failure of the provider is."""
        self.assertFalse(self.refused(errors.InvalidRequest, self.answered(400, b"no")).ambiguous)
        self.assertTrue(self.refused(errors.BackendUnavailable, self.answered(502)).ambiguous)


class ChangeTests(DriverTestCase):
    """Changing what is there."""

    def test_redirected(self):
        """rhevm: an action is answered with a redirect to the instance, which is looked up by its id."""
        for status in (302, 303):
            self.make()

            async def play(exchange, status=status):
                await exchange.carry_out()
                exchange.send(Answer(status, {"Location": "http://evil.example/api/instances/other"}))

            self.cloud.trouble.add(play, method="POST")
            self.assertEqual("STOPPED", self.done(self.driver.instances.stop(MINE, "inst1")).state)
            self.assertEqual([("POST", INSTANCES + "/inst1/stop"), ("GET", INSTANCES + "/inst1")], self.sent())

    def test_redirected_elsewhere(self):
        """No redirect is followed, for reads neither."""
        self.cloud.trouble.answer(302)
        self.refused(errors.BackendError, self.driver.instances.list(MINE))
        self.assertEqual(1, len(self.cloud.requests))

    def test_gone_after_change(self):
        """When the look after a change fails, the change was made."""
        self.cloud.trouble.answer(202, method="POST")
        self.cloud.trouble.answer(404)
        self.assertTrue(self.refused(errors.NotFound, self.driver.instances.stop(MINE, "inst1")).ambiguous)

    def test_forbidden(self):
        """403 is NotFound only where the object is really not there."""
        self.cloud.trouble.answer(403, method="POST")
        self.refused(errors.Forbidden, self.driver.instances.start(MINE, "inst1"))
        self.cloud.trouble.answer(403, method="POST")
        self.cloud.trouble.answer(500)
        self.refused(errors.Forbidden, self.driver.instances.start(MINE, "nope"))
        self.cloud.trouble.answer(403, method="DELETE")
        self.refused(errors.NotFound, self.driver.instances.destroy(MINE, "nope"))

    def test_look_that_fails(self):
        """A look that fails itself proves nothing."""
        self.cloud.trouble.answer(403, method="POST")
        self.cloud.trouble.lose_answer(method="GET")
        self.refused(errors.Forbidden, self.driver.instances.start(MINE, "inst1"))

    def test_key_destroy_fails(self):
        """500 on deleting a key that is there is a failure."""
        self.cloud.trouble.answer(500, method="DELETE")
        error = self.refused(errors.BackendError, self.driver.keys.destroy(MINE, "test-key"))
        self.assertTrue(error.ambiguous)

    def test_key_name_missing(self):
        """Another refusal than a taken name."""
        self.cloud.trouble.answer(*recording("24"))
        self.refused(errors.InvalidRequest, self.driver.keys.create(MINE, "k"))

    def test_image_refused(self):
        """An image name that is taken, an instance that allows no image, a wrong parameter."""
        self.done(self.driver.images.create(MINE, "inst0", "taken", ""))
        conflict = self.refused(errors.Conflict, self.driver.images.create(MINE, "inst0", "taken", ""))
        self.assertEqual(("images", "taken"), (conflict.kind, conflict.name))
        self.refused(errors.BackendError, self.driver.images.create(MINE, "inst3", "n", ""))
        self.cloud.trouble.answer(400, b"bad name")
        self.refused(errors.InvalidRequest, self.driver.images.create(MINE, "inst0", "?", ""))
        self.cloud.trouble.answer(412, method="POST")
        self.refused(errors.Unsupported, self.driver.images.create(MINE, "inst0", "n", ""))
