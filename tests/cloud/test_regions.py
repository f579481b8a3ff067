"""Which cloud a request is for."""

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.cloud.regions import Regions
from ec2proxy.ec2.errors import EC2Error


@frozen
class Named:
    """All of a cloud that counts here."""

    name: str


WEST, EAST = Named("west"), Named("east-1")
HOSTS = (
    "",
    "proxy:3001",
    "ec2.west.example.com",
    "east-1.ec2.example.com:80",
    "EC2.East-1.x",
    "ec2.example.com",
    "west",
)
PATHS = (
    "/",
    "/ec2",
    "/regions",
    "/regions/west",
    "/regions/east-1/",
    "/regions/%77est/api/x",
    "/regions/nope/x",
    "//x",
)


class PickTests(SynchronousTestCase):
    """Address first, then the signature, then the default; never a guess between two."""

    def setUp(self) -> None:
        self.regions = Regions([WEST, EAST])  # type: ignore[list-item]

    def picked(self, signed: str | None = None, host: str = "proxy", path: str = "/", anywhere: bool = False) -> str:
        """The name of the region, or the code of the error."""
        try:
            return self.regions.pick(signed, host, path, anywhere).name
        except EC2Error as error:
            return error.code

    def test_signed(self) -> None:
        """The credential scope; a name that is none of ours is an error, but for STS, which is everywhere."""
        self.assertEqual([self.picked(name) for name in ("west", "east-1", None)], ["west", "east-1", "west"])
        self.assertEqual(self.picked("us-east-1"), "SignatureDoesNotMatch")
        self.assertEqual(self.picked("us-east-1", anywhere=True), "west")
        self.assertEqual(self.picked("east-1", anywhere=True), "east-1")

    def test_host(self) -> None:
        """Host names of both forms, with and without port and capitals; others say nothing."""
        for host in ("ec2.east-1.example.com", "east-1.ec2.example.com:3001", "EC2.East-1", "ec2.east-1:80"):
            self.assertEqual(self.picked(host=host), "east-1", host)
        for host in (
            "",
            "ec2.example.com",
            "east-1",
            "x.east-1.ec2.com",
            "ec2.east-1x.com",
            "127.0.0.1:80",
            "[::1]:80",
        ):
            self.assertEqual(self.picked(host=host), "west", host)

    def test_path(self) -> None:
        """The path, also an encoded one; a region that is not there is an error."""
        for path in ("/regions/east-1", "/regions/east-1/", "/regions/east-1/ec2", "/regions/east%2D1"):
            self.assertEqual(self.picked(path=path), "east-1", path)
        for path in ("/", "", "/ec2", "/regions", "/x/regions/east-1", "//regions/east-1"):
            self.assertEqual(self.picked(path=path), "west", path)
        for path in ("/regions/", "/regions/nope", "/regions/east", "/regions/EAST-1"):
            self.assertEqual(self.picked(path=path), "InvalidParameterValue", path)

    def test_conflicts(self) -> None:
        """Two of our regions: nothing is done. A scope that is none of ours gives way to the address."""
        self.assertEqual(self.picked("west", path="/regions/east-1"), "SignatureDoesNotMatch")
        self.assertEqual(self.picked("west", host="ec2.east-1.x"), "SignatureDoesNotMatch")
        self.assertEqual(self.picked(host="ec2.east-1.x", path="/regions/west"), "InvalidParameterValue")
        self.assertEqual(self.picked("us-east-1", path="/regions/east-1"), "east-1")
        self.assertEqual(self.picked("west", "ec2.west.x", "/regions/west"), "west")

    def test_any_name(self) -> None:
        """A cloud that takes any name takes any address, too."""
        self.regions.replace([EAST], True)  # type: ignore[list-item]
        for host in HOSTS:
            for path in PATHS:
                self.assertEqual(self.picked("anything", host, path), "east-1")

    def test_replaced(self) -> None:
        """What was remembered of addresses is forgotten with the regions that they named."""
        self.assertEqual(self.picked(path="/regions/east-1"), "east-1")
        self.regions.replace([WEST], False)  # type: ignore[list-item]
        self.assertEqual(self.picked(path="/regions/east-1"), "InvalidParameterValue")
        self.assertEqual([cloud.name for cloud in self.regions], ["west"])

    @given(
        st.sampled_from((None, "west", "east-1", "other")),
        st.sampled_from(HOSTS) | st.text(max_size=20),
        st.sampled_from(PATHS) | st.text(max_size=20),
    )
    def test_always(self, signed: str | None, host: str, path: str) -> None:
        """Whatever is sent, it is one of ours or one of the two errors, and the same the second time."""
        first = self.picked(signed, host, path)
        self.assertIn(first, ("west", "east-1", "SignatureDoesNotMatch", "InvalidParameterValue"))
        self.assertEqual(self.picked(signed, host, path), first)
        if signed in ("west", "east-1"):
            # Nobody who signed for one region ever gets another.
            self.assertNotIn(first, {"west", "east-1"} - {signed})


class EndpointTests(SynchronousTestCase):
    """Where the others are."""

    def test_endpoints(self) -> None:
        """In the same form that the client used: a path, or its host name with another region."""
        regions = Regions([WEST, EAST])  # type: ignore[list-item]
        for host, endpoint in (
            ("proxy:3001", "proxy:3001/regions/east-1"),
            ("ec2.west.example.com", "ec2.east-1.example.com"),
            ("west.ec2.example.com:80", "east-1.ec2.example.com:80"),
            ("ec2.example.com", "ec2.example.com/regions/east-1"),
        ):
            self.assertEqual(regions.endpoint(EAST, host), endpoint)  # type: ignore[arg-type]
            name = regions.pick(None, endpoint.partition("/")[0], "/" + endpoint.partition("/")[2]).name
            self.assertEqual(name, "east-1")
