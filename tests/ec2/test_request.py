"""Raw requests."""

from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.ec2.request import RawRequest


class RawRequestTests(SynchronousTestCase):
    def test_headers(self) -> None:
        """Repeats are joined in their order; what is absent is None."""
        request = RawRequest("GET", b"/", b"", ((b"a", b"1"), (b"b", b"2"), (b"a", b"3")), b"")
        self.assertEqual(request.header(b"a"), b"1,3")
        self.assertEqual(request.header(b"b"), b"2")
        self.assertIsNone(request.header(b"c"))

    def test_repr_has_no_secret(self) -> None:
        """Headers, query and body may hold passwords, signatures and user data."""
        request = RawRequest("POST", b"/ec2", b"Signature=hush", ((b"authorization", b"hush"),), b"UserData=hush")
        self.assertNotIn("hush", repr(request))
        self.assertIn("/ec2", repr(request))
