"""The crowd: what polls cost beside other servers, with one core for the server and the other for the load."""

import os
import time
from collections.abc import Callable
from statistics import median

from attrs import frozen

from bench import requests, servers
from bench.clients import answered, moto_with_instances
from bench.figures import Figure, Findings, Growth, rounds
from bench.load import load
from bench.servers import Server

BARE = "bare twisted.web, GET of 4 KB"
SIZE = 4096
CORES = len(os.sched_getaffinity(0))
ANY_CORE = ",".join(map(str, sorted(os.sched_getaffinity(0))))


@frozen
class Pace:
    """How long to measure.

    :param rounds: how often each comparison is made.
    :param seconds: how long each run of it takes.
    """

    rounds: int = 5
    seconds: int = 3


def rate(server: Server, pace: Pace, connections: int, made: Callable[[], "list[list[bytes]]"]) -> float:
    """Answers a second."""
    return load(server.port, made(), connections, pace.seconds).rate


def polls(server: Server, pace: Pace, connections: int) -> Callable[[], float]:
    """DescribeInstances, signed, answers a second."""
    return lambda: rate(server, pace, connections, lambda: requests.polls(server.port, pace.seconds + 4))


def gets(server: Server, pace: Pace, connections: int, size: int = SIZE) -> Callable[[], float]:
    """Plain GETs, answers a second."""
    return lambda: rate(server, pace, connections, lambda: requests.get(server.port, f"/{size}"))


def against_bare(pace: Pace, findings: Findings) -> None:
    """The poll, against bare twisted.web."""
    with servers.bare() as bare, servers.backend() as cloud, servers.ec2proxy(cloud) as ours:
        for connections, goal in ((64, 2.0), (1000, 2.5)):
            ran = rounds(pace.rounds, polls(ours, pace, connections), gets(bare, pace, connections))
            what = f"DescribeInstances poll, 4 instances, signed and verified, {connections} connections"
            findings.figures.append(Figure(what, BARE, "/s", *ran, goal=goal))
    with servers.bare() as bare, servers.backend() as cloud, servers.ec2proxy(cloud, "--http=twisted") as ours:
        ran = rounds(pace.rounds, polls(ours, pace, 64), gets(bare, pace, 64))
        what = "the same through twisted.web's channel and the resource tree (--http=twisted), 64 connections"
        findings.figures.append(Figure(what, BARE, "/s", *ran, goal=0.6))


def against_nginx(pace: Pace, findings: Findings) -> None:
    """The poll, against nginx as a reverse proxy."""
    with servers.nginx_proxy(SIZE) as nginx, servers.backend() as cloud, servers.ec2proxy(cloud) as ours:
        ran = rounds(pace.rounds, polls(ours, pace, 64), gets(nginx, pace, 64))
    what = "DescribeInstances poll, 4 instances, signed and verified, 64 connections"
    findings.figures.append(Figure(what, "nginx as a reverse proxy for 4 KB", "/s", *ran, goal=0.9))


def against_moto(pace: Pace, findings: Findings) -> None:
    """The poll, against moto's server."""
    with servers.moto() as moto, servers.backend(10) as cloud, servers.ec2proxy(cloud) as ours:
        moto_with_instances(moto.port, 10)
        ran = rounds(pace.rounds, polls(ours, pace, 16), polls(moto, pace, 16))
    what = "DescribeInstances poll, 10 instances, 16 connections"
    findings.figures.append(Figure(what, "moto_server, the same", "/s", *ran, goal=400))


def workers(pace: Pace, findings: Findings) -> None:
    """Two workers against one, the load generator beside them: what it takes of the same cores, they have not."""
    for what, options in (("", ()), (", through the resource tree (--http=twisted)", ("--http=twisted",))):
        generating: list[float] = []

        def measured(server: Server, seen: list[float] = generating) -> Callable[[], float]:
            def one() -> float:
                ran = load(server.port, requests.polls(server.port, pace.seconds + 4), 64, pace.seconds, core=ANY_CORE)
                seen.append(ran.generating)
                return ran.rate

            return one

        with (
            servers.backend() as cloud,
            servers.ec2proxy(cloud, *options, core=None) as one,
            servers.ec2proxy(cloud, "--workers=2", "--state=sqlite:///state.sqlite", *options, core=None) as two,
        ):
            ran = rounds(pace.rounds, measured(two), measured(one))
        share = median(generating[1::2])
        note = f"Beside two workers the generator was busy on {share:.2f} of {CORES} cores."
        name = f"2 workers, 64 connections{what}"
        findings.figures.append(Figure(name, "1 worker", "/s", *ran, goal=1.5, note=note))


def backend_calls(pace: Pace, findings: Findings) -> None:
    """A thousand clients, each with an id of its own, for ten seconds: what it costs the backend."""
    with servers.backend(1000) as cloud, servers.ec2proxy(cloud) as ours:
        ids = [f"{requests.POLL}&InstanceId.1=inst{number}" for number in range(1000)]
        made = requests.polls(ours.port, 14, ids)
        before = servers.asked(cloud)
        answered = load(ours.port, made, 1000, 10)
        calls = servers.asked(cloud) - before
    what = "GET /instances at the backend, 1,000 clients polling an id of their own for 10 s"
    note = f"{answered.rate:,.0f} polls a second were answered meanwhile."
    findings.figures.append(Figure(what, "", "calls", [calls], goal=11, at_most=True, note=note))


def starting(pace: Pace, findings: Findings) -> None:
    """From the start of the process to its first answer, with the embedded cloud."""
    taken = []
    for _ in range(pace.rounds):
        began = time.monotonic()
        with servers.ec2proxy(None) as ours:
            answered(requests.signed_post(ours.port, requests.POLL, int(time.time())), ours.port)
            taken.append(time.monotonic() - began)
    findings.figures.append(Figure("from the start to the first answer", "", "s", taken, goal=1.5, at_most=True))


def by_connections(pace: Pace, findings: Findings) -> None:
    """How the rate goes with the number of connections."""
    sizes = (1, 8, 64, 512, 1000, 4000, 8000)
    with servers.bare() as bare, servers.backend() as cloud, servers.ec2proxy(cloud) as ours:
        lines = {
            "ec2proxy, signed poll": [polls(ours, pace, size)() for size in sizes],
            BARE: [gets(bare, pace, size)() for size in sizes],
        }
    findings.growths.append(Growth("Answers a second by connections", "connections", "/s", sizes, lines))


def by_instances(pace: Pace, findings: Findings) -> None:
    """How the rate goes with the size of the cloud."""
    sizes = (1, 10, 100, 1000, 10000)
    everything, one, same = [], [], []
    for size in sizes:
        with servers.bare() as bare, servers.backend(size) as cloud, servers.ec2proxy(cloud) as ours:
            body = f"{requests.POLL}&InstanceId.1=inst0"
            one.append(rate(ours, pace, 16, lambda: requests.polls(ours.port, pace.seconds + 4, [body])))  # noqa: B023
            ran = load(ours.port, requests.polls(ours.port, pace.seconds + 4), 16, pace.seconds)
            everything.append(ran.rate)
            same.append(gets(bare, pace, 16, int(ran.size))())
    lines = {"all instances": everything, "one by its id": one, "bare twisted.web, bytes as for all": same}
    findings.growths.append(Growth("Answers a second by instances, 16 connections", "instances", "/s", sizes, lines))
