"""Misbehaviour on demand: what real servers do on bad days, by rule.

``cloud.trouble.delay(5, method="POST", path="/api/instances")`` makes the next such request wait for five seconds of
the cloud's clock. Rules are looked at in the order in which they were made; the first that matches is used up once.
"""

from collections.abc import Awaitable, Callable, Mapping
from fnmatch import fnmatchcase

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from ec2proxy.mockcloud.fragments import DECLARATION, block, cdata, closed, inline


@frozen
class Answer:
    """An answer to a request."""

    status: int
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = field(default=b"", repr=False)


@frozen
class Exchange:
    """A request under way, as trouble sees it.

    :param clock: what delays go by.
    :param carry_out: does what was asked for, and gives the answer to it.
    :param send: sends an answer whole and ends the exchange.
    :param begin: sends status and headers, with the Content-Length unless that is None.
    :param push: sends a piece of the body.
    :param end: ends a body whose pieces were pushed.
    :param lose: loses the connection.
    """

    clock: IReactorTime
    carry_out: Callable[[], Awaitable[Answer]]
    send: Callable[[Answer], None]
    begin: Callable[[Answer, int | None], None]
    push: Callable[[bytes], None]
    end: Callable[[], None]
    lose: Callable[[], None]

    async def sleep(self, seconds: float) -> None:
        """Wait; the wait ends early when the client goes away."""
        await deferLater(self.clock, seconds)


Play = Callable[[Exchange], Awaitable[None]]


@define(eq=False)
class Rule:
    """One piece of trouble.

    :param method: the method it befalls, or ``*``.
    :param path: the path it befalls, with ``*`` and ``?`` for any text and any character (slashes too).
    :param times: how many requests more it befalls, None for all.
    :param play: what happens then.
    :param befell: how many requests it has befallen.
    """

    method: str
    path: str
    times: int | None
    play: Play
    befell: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is this rule's."""
        return self.times != 0 and self.method in ("*", method) and fnmatchcase(path, self.path)


def error_document(status: int, message: str, backtrace: str = "", url: str = "/api") -> bytes:
    """An error as Deltacloud shows it (recording 08)."""
    return (
        DECLARATION
        + block(
            "error",
            inline("backend", driver="mock", provider="default"),
            inline("code", str(status)),
            inline("message", cdata(message)),
            block("backtrace", cdata(backtrace)),
            block("request", closed("param", name="id")),
            status=str(status),
            url=url,
        )
        + "\n"
    ).encode()


class Trouble:
    """The trouble that a cloud is to make; none at first."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def clear(self) -> None:
        """Make no more trouble."""
        self.rules.clear()

    def find(self, method: str, path: str) -> Rule | None:
        """The rule that befalls a request, counted down; None where there is no trouble."""
        for rule in self.rules:
            if rule.matches(method, path):
                rule.befell += 1
                if rule.times is not None:
                    rule.times -= 1
                    if not rule.times:
                        self.rules.remove(rule)
                return rule
        return None

    def add(self, play: Play, *, method: str = "*", path: str = "*", times: int | None = 1) -> Rule:
        """Make trouble of your own making.

        :param play: is given each :class:`Exchange` that it befalls, and takes it from there.
        """
        rule = Rule(method, path, times, play)
        self.rules.append(rule)
        return rule

    def delay(self, seconds: float, *, method: str = "*", path: str = "*", times: int | None = 1) -> Rule:
        """Do and answer what was asked for, ``seconds`` later."""

        async def play(exchange: Exchange) -> None:
            await exchange.sleep(seconds)
            exchange.send(await exchange.carry_out())

        return self.add(play, method=method, path=path, times=times)

    def never_answer(self, *, method: str = "*", path: str = "*", times: int | None = 1) -> Rule:
        """Take the request and do nothing, for ever."""

        async def play(_exchange: Exchange) -> None:
            await Deferred()

        return self.add(play, method=method, path=path, times=times)

    def answer(
        self,
        status: int,
        body: bytes = b"",
        content_type: str = "application/xml",
        *,
        method: str = "*",
        path: str = "*",
        times: int | None = 1,
    ) -> Rule:
        """Do nothing and answer this."""

        async def play(exchange: Exchange) -> None:
            exchange.send(Answer(status, {"Content-Type": content_type}, body))

        return self.add(play, method=method, path=path, times=times)

    def backtrace(
        self,
        status: int = 500,
        message: str = "DeltacloudErrorMessage",
        size: int = 90_000,
        *,
        method: str = "*",
        path: str = "*",
        times: int | None = 1,
    ) -> Rule:
        """Do nothing and answer a Deltacloud error with a backtrace of ``size`` bytes."""
        line = "/srv/deltacloud/server/lib/deltacloud/drivers/mock/mock_driver.rb:100:in `safely'\n"
        body = error_document(status, message, (line * (size // len(line) + 1))[:size])
        return self.answer(status, body, method=method, path=path, times=times)

    def html(self, status: int = 200, *, method: str = "*", path: str = "*", times: int | None = 1) -> Rule:
        """Do nothing and answer a page of HTML, as a proxy's log-in page or a wrong URL does."""
        body = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><br><h1>Sign in</h1></body></html>"
        return self.answer(status, body, "text/html;charset=utf-8", method=method, path=path, times=times)

    def cut(self, share: float = 0.5, *, method: str = "*", path: str = "*", times: int | None = 1) -> Rule:
        """Do what was asked for, but lose the connection when ``share`` (0 to 1) of the body is sent."""

        async def play(exchange: Exchange) -> None:
            answer = await exchange.carry_out()
            exchange.begin(answer, len(answer.body))
            exchange.push(answer.body[: int(len(answer.body) * share)])
            exchange.lose()

        return self.add(play, method=method, path=path, times=times)

    def drip(
        self,
        size: int,
        interval: float,
        *,
        endless: bool = False,
        method: str = "*",
        path: str = "*",
        times: int | None = 1,
    ) -> Rule:
        """Do what was asked for, but send the body in pieces of ``size`` bytes, one every ``interval`` seconds.

        :param endless: go on with white space when the body is out, for ever.
        """

        async def play(exchange: Exchange) -> None:
            answer = await exchange.carry_out()
            exchange.begin(answer, None if endless else len(answer.body))
            for start in range(0, len(answer.body), size):
                exchange.push(answer.body[start : start + size])
                await exchange.sleep(interval)
            while endless:
                exchange.push(b" " * size)
                await exchange.sleep(interval)
            exchange.end()

        return self.add(play, method=method, path=path, times=times)

    def lose_answer(self, *, silent: bool = False, method: str = "*", path: str = "*", times: int | None = 1) -> Rule:
        """Do what was asked for, but lose the connection before the answer.

        :param silent: keep the connection and never answer.
        """

        async def play(exchange: Exchange) -> None:
            await exchange.carry_out()
            if silent:
                await Deferred()
            exchange.lose()

        return self.add(play, method=method, path=path, times=times)
