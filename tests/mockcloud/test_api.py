"""The REST API, beyond what the recordings show."""

import json

from .support import CloudTestCase

OTHER = "Basic b3RoZXI6c2VjcmV0"  # other:secret
RUN = "image_id=img1"


class NegotiationTests(CloudTestCase):
    """In what style answers come."""

    def kind(self, accept: str | None, path: str = "/api/realms") -> str:
        heard = self.get(path, Accept=accept)
        return heard.headers.get("content-type", str(heard.status)).removeprefix("application/")

    def test_accept(self):
        """XML or JSON, what the client would rather have; HTML is not made."""
        for accept, expected in (
            (None, "xml"),
            ("*/*", "xml"),
            ("text/xml", "xml"),
            ("application/json", "json"),
            ("application/json, application/xml", "json"),
            ("application/json;q=0.5, application/xml;q=0.9", "xml"),
            ("text/html,application/xml;q=0.9,*/*;q=0.8", "xml"),
            ("application/xml;level=1", "xml"),
            ("application/xml;q=none", "406"),
            ("application/json;q=0", "406"),
            ("text/html", "406"),
        ):
            self.assertEqual(self.kind(accept), expected, accept)

    def test_format(self):
        """The parameter ``format`` goes before the header."""
        self.assertEqual(self.kind("application/xml", "/api/realms?format=json"), "json")
        self.assertEqual(self.kind("application/xml", "/api/realms?format=png"), "406")

    def test_entry_point_in_json(self):
        """The entry point lists the same in JSON."""
        api = json.loads(self.get("/api", Accept="application/json").body)["api"]
        links = {link["rel"]: link for link in api["links"]}
        self.assertEqual(links["keys"]["href"], "http://localhost:3001/api/keys")
        self.assertIn("user_name", [feature[0]["name"] for feature in links["instances"]["features"]])

    def test_every_list_in_json(self):
        """Every list has as many things in JSON as in XML, with the same ids."""
        self.make_cloud(features=["firewalls", "authentication_password"])
        self.call("POST", "/api/instances", RUN + "&keyname=test-key")
        self.call("POST", "/api/addresses/192.168.0.1/associate", "instance_id=inst0")
        rules = "protocol=tcp&port_from=1&port_to=2&ip_address1=10.0.0.0/8&group1=g&group1owner=o"
        self.call("POST", "/api/firewalls/default/rules", rules)
        for link in self.get("/api").xml:
            collection = link.get("rel")
            if collection in ("drivers", "instance_states"):
                continue
            listed = json.loads(self.get(f"/api/{collection}", Accept="application/json").body)[collection]
            ids = [one.get("id") for one in self.get(f"/api/{collection}").xml]
            self.assertEqual([one["id"] for one in listed], ids, collection)
            for one in ids:
                heard = self.get(f"/api/{collection}/{one}", Accept="application/json")
                self.assertEqual(json.loads(heard.body).popitem()[1]["id"], one)

    def test_actions_in_json(self):
        """An action answers with the bare instance, a creation with a named one."""
        heard = self.call("POST", "/api/instances/inst0/stop", Accept="application/json")
        self.assertEqual((heard.status, json.loads(heard.body)["state"]), (202, "STOPPED"))
        heard = self.call("POST", "/api/images", "instance_id=inst0", Accept="application/json")
        self.assertEqual((heard.status, json.loads(heard.body)["image"]["owner"]), (201, "root"))

    def test_errors_in_json(self):
        """An error tells its code and message."""
        heard = self.get("/api/realms/nope", Accept="application/json")
        self.assertEqual((heard.status, json.loads(heard.body)["message"]), (404, "Not Found"))

    def test_states_and_drivers_in_json(self):
        """The life cycle and the driver have their JSON."""
        states = json.loads(self.get("/api/instance_states", Accept="application/json").body)["states"]
        self.assertEqual(states["pending"], [{"to": "running", "auto": True}])
        self.assertEqual(states["start"], [{"to": "pending", "action": "create"}])
        for path, expected in (("drivers", {"drivers": [{"id": "mock", "name": "Mock"}]}),):
            self.assertEqual(json.loads(self.get(f"/api/{path}", Accept="application/json").body), expected)
        heard = self.get("/api/drivers/mock", Accept="application/json")
        self.assertEqual(json.loads(heard.body), {"driver": {"id": "mock", "name": "Mock"}})


class HttpTests(CloudTestCase):
    """HTTP's own matters."""

    def test_not_modified(self):
        """A client that has the body already gets none."""
        first = self.get("/api/realms")
        again = self.get("/api/realms", If_None_Match=first.headers["etag"])
        self.assertEqual((again.status, again.body), (304, b""))

    def test_head(self):
        """HEAD is GET without the body."""
        heard = self.call("HEAD", "/api/realms")
        self.assertEqual((heard.status, heard.body), (200, b""))
        self.assertEqual(int(heard.headers["content-length"]), len(self.get("/api/realms").body))

    def test_unknown_paths(self):
        """What is not there is 404, whatever the method."""
        for method, path in (
            ("GET", "/api/instances/inst0/nonsense"),
            ("GET", "/api/instances/inst0/stop"),
            ("GET", "/api/a/b/c/d"),
            ("POST", "/api"),
            ("PUT", "/api/instances/inst0"),
            ("DELETE", "/api/realms/us"),
        ):
            heard = self.call(method, path)
            self.assertEqual((heard.status, heard.body), (404, b"<h1>Not Found</h1>"), path)

    def test_run(self):
        """A command cannot be run on an instance."""
        self.assertEqual(self.call("POST", "/api/instances/inst0/run", "cmd=ls").status, 501)

    def test_trailing_slash(self):
        """A slash at the end means nothing."""
        self.assertEqual(self.get("/api/").xml.tag, "api")
        self.assertEqual(self.get("/api/realms/").xml.tag, "realms")

    def test_form_in_the_query(self):
        """Fields may stand in the query, as the PyPI client sends them."""
        heard = self.call("POST", "/api/instances?image_id=img2&name=query")
        self.assertEqual(heard.xml.findtext("name"), "query")

    def test_odd_texts(self):
        """A name with markup, quotes, other scripts and what XML cannot hold comes back as far as XML can."""
        heard = self.call("POST", "/api/instances", "image_id=img1&name=%3Cb%3E+%26+%27%22+%C3%A9+%00]]%3E")
        self.assertEqual(heard.xml.findtext("name"), "<b> & '\" é ]]>")
        heard = self.call("POST", "/api/instances", "image_id=i&hwp_id=%22]]%3E%0A%5C")
        self.assertEqual(heard.xml.findtext("request/param[@name='hwp_id']"), '"\\"]]>\\n\\\\"')

    def test_odd_ids(self):
        """An id with a slash or a blank stays one part of its address."""
        heard = self.call("POST", "/api/keys", "name=a/b+c")
        self.assertEqual(heard.headers["location"], "http://localhost:3001/api/keys/a%2Fb%20c")
        self.assertEqual(self.get("/api/keys/a%2Fb%20c").xml.get("id"), "a/b c")


class IdentityTests(CloudTestCase):
    """Who may do what."""

    def test_not_basic(self):
        """Anything but HTTP Basic is no credentials."""
        for header in ("Bearer x", "Basic !", "Basic bW9jaw==", "Basic /w=="):
            heard = self.get("/api/instances", Authorization=header)
            self.assertEqual((heard.status, "www-authenticate" in heard.headers), (401, True), header)

    def test_force_auth(self):
        """The entry point proves credentials when it is asked to."""
        self.assertEqual(self.get("/api?force_auth=1").status, 200)
        self.assertEqual(self.get("/api?force_auth=1", Authorization=OTHER).status, 401)

    def test_without_credentials(self):
        """Sizes, states and drivers are told to anybody."""
        for path in ("hardware_profiles", "hardware_profiles/m1-small", "instance_states", "drivers", "drivers/mock"):
            self.assertEqual(self.get(f"/api/{path}", Authorization=None).status, 200, path)

    def test_users_apart(self):
        """One user's instances and keys are not another's."""
        self.make_cloud(users={"mockuser": "mockpassword", "other": "secret"})
        mine = self.call("POST", "/api/instances", RUN, Authorization=OTHER)
        self.assertEqual(mine.xml.findtext("owner_id"), "other")
        listed = self.get("/api/instances", Authorization=OTHER)
        self.assertEqual([one.get("id") for one in listed.xml], ["inst4"])
        self.assertNotIn("inst4", self.states())
        self.assertEqual(self.get("/api/instances/inst4").status, 404)
        self.assertEqual(self.call("POST", "/api/instances/inst4/stop").status, 403)
        self.assertEqual(len(self.get("/api/keys", Authorization=OTHER).xml), 0)
        self.assertEqual(self.get("/api/keys/test-key", Authorization=OTHER).status, 404)
        self.assertEqual(self.call("DELETE", "/api/keys/test-key", Authorization=OTHER).status, 500)

    def test_other_driver(self):
        """A driver that the server has not is refused; its own may be named."""
        heard = self.get("/api/realms", X_Deltacloud_Driver="ec2")
        self.assertEqual((heard.status, heard.xml.findtext("message")), (400, "Driver 'ec2' is not available here"))
        self.assertEqual(self.get("/api/realms", X_Deltacloud_Driver="mock").status, 200)
        self.assertEqual(self.get("/api/drivers/ec2").status, 404)

    def test_provider_in_errors(self):
        """An error names the provider that was asked for."""
        heard = self.get("/api/realms/nope", X_Deltacloud_Provider="eu-west")
        self.assertEqual(heard.xml.find("backend").get("provider"), "eu-west")


class FilterTests(CloudTestCase):
    """What narrows lists down."""

    def ids(self, path: str) -> list[str]:
        return [one.get("id") for one in self.get(path).xml]

    def test_instances(self):
        """By id, state and realm."""
        self.assertEqual(self.ids("/api/instances?id=inst2"), ["inst2"])
        self.assertEqual(self.ids("/api/instances?state=RUNNING&realm_id=eu"), ["inst3"])

    def test_realm_filter_is_a_feature(self):
        """Without the feature, the realm is not looked at."""
        self.make_cloud(without=["realm_filter"])
        self.assertEqual(len(self.ids("/api/instances?realm_id=eu")), 4)

    def test_images(self):
        """By owner and architecture."""
        self.assertEqual(self.ids("/api/images?owner_id=fedoraproject"), ["img1", "img2"])
        self.assertEqual(self.ids("/api/images?architecture=x86_64"), ["img1"])


class FeatureTests(CloudTestCase):
    """What a cloud may have besides."""

    def test_unknown_names(self):
        """A wrong option of the cloud is a ValueError."""
        for options in ({"features": ["nope"]}, {"without": ["nope"]}, {"machine": "nope"}, {"launch_time": "nope"}):
            with self.assertRaises(ValueError):
                self.make_cloud(**options)

    def test_without_a_collection(self):
        """A collection that is not there is 412, and not listed."""
        self.make_cloud(without=["keys"])
        for path in ("/api/keys", "/api/keys/", "/api//keys", "/api/keys/test-key"):
            self.assertEqual(self.get(path).status, 412, path)
        self.assertEqual(self.call("POST", "/api/keys", "name=a").status, 412)
        self.assertNotIn("keys", [link.get("rel") for link in self.get("/api").xml])

    def test_instance_count(self):
        """Several instances are answered with a list and no Location; without the feature there is one."""
        form = RUN + "&instance_count=3"
        self.assertEqual(self.call("POST", "/api/instances", form).xml.tag, "instance")
        self.make_cloud(features=["instance_count"])
        heard = self.call("POST", "/api/instances", form)
        self.assertEqual((heard.status, [one.get("id") for one in heard.xml]), (201, ["inst4", "inst5", "inst6"]))
        self.assertNotIn("location", heard.headers)
        for wrong in ("0", "x", "-1"):
            self.assertEqual(self.call("POST", "/api/instances", f"{RUN}&instance_count={wrong}").status, 400)

    def test_firewalls_of_an_instance(self):
        """Firewalls are given by number, have to be there, and are shown."""
        self.make_cloud(features=["firewalls"])
        self.call("POST", "/api/firewalls", "name=web&description=d")
        heard = self.call("POST", "/api/instances", RUN + "&firewalls1=default&firewalls2=web")
        self.assertEqual([one.get("id") for one in heard.xml.find("firewalls")], ["default", "web"])
        self.assertEqual(self.call("POST", "/api/instances", RUN + "&firewalls1=nope").status, 400)

    def test_password(self):
        """With the feature, an instance has a user name and a password."""
        self.make_cloud(features=["authentication_password"], without=["authentication_key"])
        authentication = self.call("POST", "/api/instances", RUN).xml.find("authentication")
        self.assertEqual((authentication.get("type"), authentication.findtext("login/username")), ("password", "root"))
        self.assertEqual(authentication.findtext("login/password"), self.cloud.instances["inst4"].password)
        self.make_cloud(without=["authentication_key"])
        self.assertIsNone(self.call("POST", "/api/instances", RUN).xml.find("authentication"))

    def test_launch_times(self):
        """Drivers write times in many ways."""
        for style, expected in (
            ("none", None),
            ("ctime", "Thu Oct 25 14:27:53 CEST 2012"),
            ("iso", "2012-10-25T14:27:53+02:00"),
            ("iso-z", "2012-10-25T12:27:53.000Z"),
            ("ruby", "2012-10-25 12:27:53 +0000"),
            ("epoch", "1351168073"),
            ("padded", "\n2012-10-25T12:27:53Z\n"),
        ):
            self.make_cloud(launch_time=style)
            self.clock.advance(1351168073 - self.clock.seconds())
            self.call("POST", "/api/instances", RUN)
            self.assertEqual(self.get("/api/instances/inst4").xml.findtext("launch_time"), expected)
            shown = json.loads(self.get("/api/instances/inst4", Accept="application/json").body)["instance"]
            self.assertEqual(shown.get("create_time"), expected)
            self.assertIsNone(self.get("/api/instances/inst0").xml.find("launch_time"))

    def test_pending_has_no_addresses(self):
        """An instance has addresses when it is no longer pending."""
        self.make_cloud(pending=1.0)
        heard = self.call("POST", "/api/instances", RUN)
        self.assertEqual(len(heard.xml.find("public_addresses")), 0)
        self.clock.advance(1.0)
        self.assertEqual(len(self.get("/api/instances/inst4").xml.find("public_addresses")), 1)


class WatchingTests(CloudTestCase):
    """What a test can learn of the requests that were made."""

    def test_requests(self):
        """When asked to, the cloud remembers so many requests, and no more."""
        self.make_cloud(keep_requests=2)
        self.get("/api")
        self.get("/api/realms")
        self.call("POST", "/api/keys?x=1", "name=secret-name")
        self.assertEqual([one.path for one in self.cloud.requests], ["/api/realms", "/api/keys"])
        last = self.cloud.requests[-1]
        self.assertEqual((last.method, last.form), ("POST", {"x": "1", "name": "secret-name"}))
        self.assertEqual(last.headers["Accept"], "application/xml")
        self.assertNotIn("secret", repr(last))

    def test_nothing_kept(self):
        """Unasked, the cloud only counts, by kind of path."""
        for path in ("/api", "/api/instances/inst0", "/api/instances/inst1", "/api/nonsense", "/api/x/y/z"):
            self.get(path)
        self.assertEqual(len(self.cloud.requests), 0)
        self.assertEqual(self.cloud.counts, {"(entry point)": 1, "GET instances/:id": 2, "(unknown)": 2})
