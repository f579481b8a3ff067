"""Keys, images, storage, addresses, networks and firewalls."""

import base64
import hashlib
from xml.etree.ElementTree import Element

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from twisted.internet.defer import Deferred

from ec2proxy.mockcloud.keys import make_rsa_key
from ec2proxy.mockcloud.things import Address

from .support import CloudTestCase, one_key


class KeyTests(CloudTestCase):
    """Key pairs are real."""

    def test_true_key(self):
        """The private key is one, in the traditional format, and the fingerprint is its own."""
        heard = self.call("POST", "/api/keys", "name=deploy")
        pem = heard.xml.findtext("pem").strip()
        self.assertTrue(pem.startswith("-----BEGIN RSA PRIVATE KEY-----\n"))
        der = load_pem_private_key(pem.encode(), None).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        self.assertEqual(heard.xml.findtext("fingerprint"), hashlib.sha1(der).digest().hex(":"))
        self.assertNotIn(pem, repr(self.cloud.keys["deploy"]))

    def test_real_size(self):
        """By default keys have 2048 bits."""
        self.assertEqual(make_rsa_key().key_size, 2048)

    def test_key_of_the_start_is_made_late(self):
        """Nothing is made before somebody looks, and then once."""
        made = []

        def make():
            made.append(1)
            return one_key()

        self.cloud.keys.make_key = make
        self.assertEqual(list(self.cloud.keys), ["test-key"])
        self.assertEqual(len(self.cloud.keys), 1)
        self.assertEqual(made, [])
        self.assertEqual(self.get("/api/keys").body, self.get("/api/keys").body)
        self.assertEqual(made, [1])

    def test_key_made_elsewhere(self):
        """A key may be made in a thread; the answer waits for it, and the name is looked at again."""
        making = []

        def in_thread(work):
            making.append(Deferred())
            return making[-1]

        self.make_cloud(in_thread=in_thread)
        first, second = (self.ask("POST", "/api/keys", "name=a") for _ in range(2))
        self.assertNoResult(first)
        for one in making:
            one.callback(one_key())
        self.agent.flush()
        self.assertEqual([self.successResultOf(one).code for one in (first, second)], [201, 403])

    def test_import(self):
        """An imported key has EC2's fingerprint of it and no private key; base64 or not."""
        self.make_cloud(features=["import_key"])
        public = one_key().public_key()
        line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for name, material in (("a", line.decode()), ("b", base64.b64encode(line).decode())):
            heard = self.call("POST", "/api/keys", f"name={name}&public_key={material.replace('+', '%2B')}")
            self.assertEqual(heard.status, 201)
            self.assertIsNone(heard.xml.find("pem"))
            self.assertEqual(heard.xml.findtext("fingerprint"), hashlib.md5(der).digest().hex(":"))
        for wrong in ("ssh-rsa nonsense", "!", "AAAA"):
            self.assertEqual(self.call("POST", "/api/keys", f"name=c&public_key={wrong}").status, 400, wrong)

    def test_import_is_a_feature(self):
        """Without the feature, a public key is not looked at."""
        self.assertIsNotNone(self.call("POST", "/api/keys", "name=a&public_key=x").xml.find("pem"))


class ImageTests(CloudTestCase):
    """Images of instances."""

    def test_refusals(self):
        """No such instance, one that allows none, a name that is taken; no such image."""
        for form, expected in (
            ("instance_id=nope", 404),
            ("instance_id=inst3", 500),
            ("instance_id=inst0&name=img1", 409),
        ):
            self.assertEqual(self.call("POST", "/api/images", form).status, expected, form)
        self.assertEqual(self.call("DELETE", "/api/images/nope").status, 404)

    def test_without_a_name(self):
        """An image has a name in any case, and shows its profiles later."""
        heard = self.call("POST", "/api/images", "instance_id=inst0")
        self.assertEqual(heard.xml.get("id"), "image_0")
        self.assertEqual(self.call("POST", "/api/images", "instance_id=inst0").xml.get("id"), "image_1")
        self.assertIsNotNone(self.get("/api/images/image_0").xml.find("hardware_profiles"))


class StorageTests(CloudTestCase):
    """Volumes and snapshots."""

    def test_refusals(self):
        """What is not there, what is in use, what is not."""
        for method, path, form, expected in (
            ("POST", "storage_volumes/nope/attach", "instance_id=inst0&device=/dev/sdb", 404),
            ("POST", "storage_volumes/vol1/attach", "instance_id=nope&device=/dev/sdb", 404),
            ("POST", "storage_volumes/vol1/attach", "instance_id=inst0", 400),
            ("POST", "storage_volumes/vol3/attach", "instance_id=inst0&device=/dev/sdb", 500),
            ("POST", "storage_volumes/vol1/detach", "", 500),
            ("DELETE", "storage_volumes/vol3", "", 500),
            ("DELETE", "storage_volumes/nope", "", 404),
            ("POST", "storage_snapshots", "volume_id=nope", 404),
            ("DELETE", "storage_snapshots/nope", "", 404),
        ):
            self.assertEqual(self.call(method, f"/api/{path}", form).status, expected, path)

    def test_destroyed_instance_lets_go(self):
        """A volume is free again when its instance is gone."""
        self.call("POST", "/api/storage_volumes/vol1/attach", "instance_id=inst1&device=/dev/sdb")
        self.call("POST", "/api/instances/inst1/stop")
        self.call("DELETE", "/api/instances/inst1")
        states = [one.findtext("state") for one in self.get("/api/storage_volumes").xml]
        self.assertEqual(states, ["AVAILABLE"] * 3)

    def test_two_in_a_second(self):
        """Things that are named after the second have different names all the same."""
        ids = {self.call("POST", "/api/storage_volumes").xml.get("id") for _ in range(3)}
        self.assertEqual(ids, {"volume_0", "volume_1", "volume_2"})


class NetworkTests(CloudTestCase):
    """Addresses, networks, subnets and network interfaces."""

    def test_refusals(self):
        """What is not there, what is in use, what is not, what is none."""
        self.call("POST", "/api/addresses/192.168.0.2/associate", "instance_id=inst0")
        for method, path, form, expected in (
            ("POST", "addresses/192.168.0.9/associate", "instance_id=inst0", 404),
            ("POST", "addresses/192.168.0.1/associate", "instance_id=nope", 404),
            ("POST", "addresses/192.168.0.1/associate", "", 400),
            ("POST", "addresses/192.168.0.2/associate", "instance_id=inst0", 500),
            ("POST", "addresses/192.168.0.1/disassociate", "", 500),
            ("DELETE", "addresses/192.168.0.9", "", 404),
            ("DELETE", "networks/nope", "", 404),
            ("DELETE", "subnets/nope", "", 404),
            ("DELETE", "network_interfaces/nope", "", 404),
            ("POST", "subnets", "network_id=nope&address_block=10.3.0.0/16", 404),
            ("POST", "subnets", "network_id=net2&address_block=nonsense", 400),
            ("POST", "network_interfaces", "instance=nope&network=subnet1", 404),
            ("POST", "network_interfaces", "instance=inst0&network=nope", 404),
        ):
            self.assertEqual(self.call(method, f"/api/{path}", form).status, expected, path)

    def test_address_of_an_instance(self):
        """An associated address is the instance's public one, until the instance or the association is gone."""

        def shown() -> list[str]:
            return [one.text for one in self.get("/api/instances/inst0").xml.find("public_addresses")]

        self.call("POST", "/api/addresses/192.168.0.2/associate", "instance_id=inst0")
        self.assertEqual(shown(), ["192.168.0.2"])
        self.call("POST", "/api/addresses/192.168.0.2/disassociate")
        self.assertEqual(shown(), ["img1.inst0.public.com"])
        self.call("POST", "/api/addresses/192.168.0.2/associate", "instance_id=inst0")
        self.cloud.instances.remove("inst0")
        self.assertIsNone(self.cloud.network.addresses["192.168.0.2"].instance_id)

    def test_first_address(self):
        """When no address is left, they begin anew."""
        for one in range(1, 5):
            self.assertEqual(self.call("DELETE", f"/api/addresses/192.168.0.{one}").status, 204)
        self.assertEqual(self.call("POST", "/api/addresses").xml.get("id"), "192.168.0.1")

    def test_network_with_all_in_it(self):
        """A network, a subnet in it, an interface in that; destroyed from the inside or as a whole."""
        net = self.call("POST", "/api/networks", "name=lab&address_block=10.9.0.0/16")
        self.assertEqual((net.status, net.xml.findtext("address_blocks/address_block")), (201, "10.9.0.0/16"))
        sub = self.call("POST", "/api/subnets", "network_id=lab&address_block=10.9.0.0/30")
        self.assertEqual((sub.status, sub.xml.get("id")), (201, "subnet_0"))
        ips = []
        for _ in range(2):
            nic = self.call("POST", "/api/network_interfaces", "instance=inst2&network=subnet_0")
            ips.append(nic.xml.findtext("ip_address"))
        self.assertEqual(ips, ["10.9.0.1", "10.9.0.2"])
        full = self.call("POST", "/api/network_interfaces", "instance=inst2&network=subnet_0")
        self.assertEqual(full.status, 500)
        self.assertEqual(self.call("DELETE", "/api/network_interfaces/nic_0").status, 204)
        self.assertEqual(self.cloud.instances["inst2"].network_interfaces, ("nic_1",))
        self.cloud.instances.remove("inst2")
        self.assertNotIn("nic_1", self.cloud.network.interfaces)
        self.assertEqual(self.call("DELETE", "/api/networks/lab").status, 204)
        self.assertEqual(self.get("/api/subnets/subnet_0").status, 404)

    def test_kinds_of_addresses(self):
        """Each address shows its type, and a console its port."""
        console = Address("10.0.0.9", "vnc", 5901)
        self.cloud.instances.change("inst0", public_addresses=(Address("::1", "ipv6"), console))
        addresses = self.get("/api/instances/inst0").xml.find("public_addresses")
        shown = [(one.get("type"), one.get("port"), one.text) for one in addresses]
        self.assertEqual(shown, [("ipv6", None, "::1"), ("vnc", "5901", "10.0.0.9")])
        self.assertEqual(self.get("/api/instances/inst0", Accept="application/json").body.count(b'"port":5901'), 1)


class FirewallTests(CloudTestCase):
    """Firewalls, where there are any."""

    def setUp(self):
        super().setUp()
        self.make_cloud(features=["firewalls"])

    def add(self, form: str) -> Element:
        return self.call("POST", "/api/firewalls/web/rules", f"protocol=tcp&port_from=22&port_to=22&{form}")

    def test_life(self):
        """Made, given rules, which are taken away again, destroyed."""
        made = self.call("POST", "/api/firewalls", "name=web&description=the+web")
        self.assertEqual((made.status, made.xml.findtext("description")), (201, "the web"))
        changed = self.add("ip_address1=10.0.0.0/8&ip_address2=1.2.3.4/32&group1=default&group1owner=mockuser")
        self.assertEqual(changed.status, 201)
        rule = changed.xml.find("rules/rule")
        self.assertEqual(
            [dict(source.attrib) for source in rule.find("sources")],
            [
                {"type": "group", "name": "default", "owner": "mockuser"},
                {"type": "address", "family": "ipv4", "address": "10.0.0.0", "prefix": "8"},
                {"type": "address", "family": "ipv4", "address": "1.2.3.4", "prefix": "32"},
            ],
        )
        self.assertEqual((rule.findtext("allow_protocol"), rule.findtext("port_from")), ("tcp", "22"))
        path = rule.get("href").removeprefix("http://localhost:3001")
        self.assertEqual(self.call("DELETE", path).status, 204)
        self.assertEqual(self.call("DELETE", path).status, 404)
        self.assertEqual(self.call("DELETE", "/api/firewalls/web").status, 204)
        self.assertEqual(self.get("/api/firewalls/web").status, 404)

    def test_refusals(self):
        """A name that is taken, a rule for nobody, an odd protocol, no such firewall."""
        self.assertEqual(self.call("POST", "/api/firewalls", "name=default&description=d").status, 409)
        self.assertEqual(self.add("ip_address1=10.0.0.0/8").status, 404)
        self.call("POST", "/api/firewalls", "name=web&description=d")
        self.assertEqual(self.add("").status, 400)
        self.assertEqual(self.add("protocol=gre&ip_address1=10.0.0.0/8").status, 400)
        self.assertEqual(len(self.cloud.firewalls), 2)
