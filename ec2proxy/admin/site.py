"""Who may see the admin endpoint: it shows the data of all principals, and so is for the operator alone."""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"
# Twisted's names.
# ruff: noqa: N802

import base64
import binascii
import hmac
import ipaddress
import re
from collections.abc import Collection
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import IResource
from twisted.web.server import Request

from ec2proxy.admin.resources import TEXT, Page, send
from ec2proxy.web.access import AccessLog
from ec2proxy.web.site import EC2Site

#: Tell nothing about anybody, and are asked by programs that carry no token.
_OPEN = (b"/healthz", b"/readyz")

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")


class Refused(Page):
    """Says no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__()
        self._status = status
        self._message = message

    async def answer(self, request: Request) -> None:
        """Say why."""
        if self._status == 401:
            request.setHeader(b"WWW-Authenticate", b'Basic realm="ec2proxy admin", charset="UTF-8"')
        send(request, self._status, TEXT, self._message.encode() + b"\n")


class AdminSite(EC2Site):
    """Serves the admin pages to who may see them, within the same limits as everything else.

    Without a token, a browser on the operator's machine could be made to ask by any page on the web: one whose
    name was turned into our address (DNS rebinding) is told by its ``Host``, one that embeds us by ``Sec-Fetch-Site``.

    :param token: what has to be shown as a bearer's token or as the password of HTTP Basic; empty asks for none.
    :param hosts: names by which a browser may call us beside addresses and ``localhost``.
    """

    def __init__(self, root: IResource, clock: IReactorTime, token: str = "", hosts: Collection[str] = ()) -> None:
        super().__init__(root, clock, AccessLog(clock, write_lines=lambda records: None))
        self._token = token.encode()
        self._hosts = frozenset(name.lower() for name in hosts)

    def getResourceFor(self, request: Any) -> IResource:
        """The page, or the refusal of it."""
        refusal = None if request.path in _OPEN else self._refusal(request)
        return super().getResourceFor(request) if refusal is None else refusal

    def _refusal(self, request: Request) -> Refused | None:
        if self._token:
            if not _shows(request.getHeader(b"Authorization") or b"", self._token):
                return Refused(401, "The admin token is needed.")
            return None
        if not self._is_ours(request.getHeader(b"Host")):
            return Refused(421, "Ask for this by an address, as localhost, or by a name of --admin-hosts.")
        if request.getHeader(b"Sec-Fetch-Site") in (b"cross-site", b"same-site") and (
            request.getHeader(b"Sec-Fetch-Mode") != b"navigate"
        ):
            return Refused(403, "Other sites may not ask for this.")
        return None

    def _is_ours(self, host: bytes | None) -> bool:
        if host is None:
            # HTTP/1.0, or a Unix socket: no browser.
            return True
        match = _HOST.fullmatch(host.decode("latin-1"))
        if match is None:
            return False
        name = match["name"].lower()
        return name == "localhost" or name in self._hosts or _is_address(name.strip("[]"))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _shows(authorization: bytes, token: bytes) -> bool:
    kind, _, shown = authorization.partition(b" ")
    if kind.lower() == b"basic":
        try:
            shown = base64.b64decode(shown.strip(), validate=True).partition(b":")[2]
        except binascii.Error:
            return False
    elif kind.lower() != b"bearer":
        return False
    return hmac.compare_digest(shown.strip(), token)
