"""The settings of TLS, and the files in contrib that have settings in them."""

import tomllib
from pathlib import Path

import yaml
from trustme import CA
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.composition.surroundings import Entrances
from ec2proxy.configuration.settings import table
from ec2proxy.options import Options
from tests.tls.authorities import write_pair

CONTRIB = Path(__file__).resolve().parents[2] / "contrib"


class SettingsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.authority = CA()
        self.files = write_pair(self.directory, self.authority.issue_cert("ec2.example"))

    def options(self, *arguments: str) -> Options:
        """What comes of a command line."""
        options = Options()
        options.parseOptions(["--state=memory:", *arguments])
        return options

    def mistake(self, *arguments: str) -> str:
        """What is wrong with a command line."""
        return str(self.assertRaises(SystemExit, self.options, *arguments).code)

    def test_listens(self) -> None:
        """TLS is laid over TCP, and not over a Unix socket."""
        pair = (f"--tls-cert={self.files.certificate}", f"--tls-key={self.files.key}")
        options = self.options(*pair, "--listen=tcp:443", "--listen=unix:/run/x.sock")
        reactor = MemoryReactorClock()
        entrances = Entrances.of(options.configuration.settings, reactor)
        factory = object()
        for _, endpoint in entrances.endpoints:
            endpoint.listen(factory)  # type: ignore[arg-type]
        self.assertIsInstance(reactor.tcpServers[0][1], TLSMemoryBIOFactory)
        self.assertIs(reactor.unixServers[0][1], factory)
        self.assertIsNotNone(entrances.certificate)

    def test_none(self) -> None:
        """Without a certificate there is none to look at."""
        entrances = Entrances.of(self.options().configuration.settings, MemoryReactorClock())
        self.assertIsNone(entrances.certificate)
        entrances.look()

    def test_mistakes(self) -> None:
        """Each is told before the start, by the option's name."""
        cert, key = f"--tls-cert={self.files.certificate}", f"--tls-key={self.files.key}"
        self.assertIn("--tls-key: it goes with a --tls-cert", self.mistake(key))
        self.assertIn("--tls-cert: there is no --listen for it", self.mistake(cert, key, "--listen=unix:/run/x.sock"))
        self.assertIn("--tls-cert: /absent: No such file", self.mistake("--tls-cert=/absent"))
        self.assertIn("no PEM private key", self.mistake(cert))

    def test_backend(self) -> None:
        """A file of authorities reaches the backend, and a wrong one is told."""
        authorities = self.directory / "ca.pem"
        authorities.write_bytes(self.authority.cert_pem.bytes())
        backend = "--backend=https://cloud.example/api"
        (region,) = self.options(backend, f"--backend-ca={authorities}").configuration.regions
        assert region.backend is not None
        self.assertEqual(region.backend.authorities, str(authorities.resolve()))
        self.assertIn("/absent: No such file", self.mistake(backend, "--backend-ca=/absent"))


class ContribTests(SynchronousTestCase):
    def test_kubernetes(self) -> None:
        """The manifest's settings are ones that there are; its probes and mounts lead to what is there."""
        documents = list(yaml.safe_load_all((CONTRIB / "kubernetes.yaml").read_text()))
        configuration = tomllib.loads(documents[0]["data"]["ec2proxy.toml"])
        self.assertEqual(configuration.keys() - table().keys(), set())
        pod = documents[1]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        self.assertEqual(configuration["listen"], [f"tcp:{ports['ec2']}"])
        self.assertEqual(configuration["admin-listen"], [f"tcp:{ports['admin']}"])
        for probe, path in (("startup", "/healthz"), ("liveness", "/healthz"), ("readiness", "/readyz")):
            self.assertEqual(container[f"{probe}Probe"]["httpGet"], {"path": path, "port": "admin"})
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        claims = {claim["metadata"]["name"] for claim in documents[1]["spec"]["volumeClaimTemplates"]}
        self.assertEqual(mounts, {volume["name"] for volume in pod["volumes"]} | claims)

    def test_container(self) -> None:
        """The image's command line is one that there is."""
        text = (CONTRIB / "Containerfile").read_text()
        (command,) = (line for line in text.splitlines() if line.startswith("CMD "))
        options = Options()
        options.parseOptions(["--state=memory:", *yaml.safe_load(command.removeprefix("CMD "))])
        self.assertEqual(options.configuration.settings.listen, ("tcp:3001",))
