"""A warning, once, that somebody sends passwords over the network for all to read."""

from ipaddress import ip_address
from typing import Any

from twisted.internet.interfaces import ISSLTransport
from twisted.logger import Logger

_log = Logger()


class ClearPasswords:
    """Looks out for HTTP Basic in the clear from another host. Signatures need no secrecy, and loopback has no wire."""

    def __init__(self) -> None:
        self._warned = False

    def concern(self, transport: Any) -> bool:
        """Whether requests over a connection are to be looked at: it is asked once for each connection."""
        return not (self._warned or ISSLTransport.providedBy(transport) or _is_here(transport.getPeer()))

    def look(self, authorization: bytes | None, peer: Any) -> None:
        """Warn if a request over such a connection holds a password.

        :param authorization: its Authorization header.
        :param peer: the client's address.
        """
        if self._warned or authorization is None or authorization[:6].lower() != b"basic ":
            return
        self._warned = True
        _log.warn(
            "A client at {host} sends its password in the clear (HTTP Basic without TLS), where others may read it on"
            " its way; see --tls-cert. This is said once.",
            host=peer.host,
        )


def _is_here(peer: Any) -> bool:
    """Whether an address is this machine's: loopback, or no address of a network at all (a Unix socket)."""
    host = getattr(peer, "host", None)
    if host is None:
        return True
    try:
        address = ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
