"""What it holds in memory, and what a refresh does to those who poll meanwhile."""

import time

from bench import requests, servers
from bench.clients import answered, idle, most_connections, polled
from bench.figures import Figure, Findings
from bench.load import Load, load
from bench.scenarios import Pace
from bench.servers import Server

MIB = 1024 * 1024


def per_idle_connection(pace: Pace, findings: Findings) -> None:
    """The memory of a connection that waits, and whether it slows those that do not."""
    number = most_connections(8000)
    ours, theirs, slowed = [], [], []
    for _ in range(pace.rounds):
        with servers.bare() as bare, servers.backend() as cloud, servers.ec2proxy(cloud) as proxy:
            theirs.append(_idle_bytes(bare, requests.get(bare.port, "/4096")[0][0], number))
            poll = requests.signed_post(proxy.port, requests.POLL, int(time.time()))
            ours.append(_idle_bytes(proxy, poll, number))
            with idle(proxy.port, number, poll):
                slowed.append(load(proxy.port, requests.polls(proxy.port, pace.seconds + 4), 100, pace.seconds).p99)
    what = f"memory of an idle connection, {number:,} of them"
    findings.figures.append(Figure(what, "bare twisted.web's", "bytes", ours, theirs, goal=1.0, at_most=True))
    what = f"p99 of 100 connections that poll, {number:,} idle ones beside them"
    findings.figures.append(Figure(what, "", "ms", slowed))


def _idle_bytes(server: Server, request: bytes, number: int) -> float:
    """What one of so many idle connections takes, after a first few that warm everything up."""
    with idle(server.port, 50, request):
        before = server.resident
        with idle(server.port, number, request):
            return (server.resident - before) / number


_ONE_ID = f"{requests.POLL}&InstanceId.1=inst0"


def refresh_stall(pace: Pace, findings: Findings) -> None:
    """Polls of one id among 10,000 instances, with refreshes that bring changes and with none.

    Somebody polls from before to after it. Who is the first to ask after a pause has to wait for a whole list, since
    what is there is too old; that is another matter, and told apart.
    """
    waits = []
    for freshness in (5, 1):
        with (
            servers.backend(10000, churn=100) as cloud,
            servers.ec2proxy(cloud, f"--freshness={freshness}") as refreshed,
            servers.ec2proxy(cloud, "--freshness=3600") as still,
        ):
            # The first list of all is yet another matter.
            _first_poll(refreshed), _first_poll(still)
            pairs = []
            for _ in range(pace.rounds):
                without = _one_id(still)
                waits.append(_first_poll(refreshed))
                with polled(refreshed.port, _ONE_ID):
                    time.sleep(freshness)
                    pairs.append((_one_id(refreshed), without))
        more = [with_refresh.p99 - without.p99 for with_refresh, without in pairs]
        longest = max(with_refresh.longest for with_refresh, _ in pairs)
        what = (
            "p99 of polls of one id among 10,000 instances, of which 100 change with each list,"
            f" freshness {freshness} s: more than without refreshes"
        )
        note = f"The longest took {longest:,.0f} ms."
        findings.figures.append(Figure(what, "", "ms", more, goal=50.0, at_most=True, note=note))
    what = "the first poll after a pause, 10,000 instances, of which 100 have changed: it waits for a list"
    findings.figures.append(Figure(what, "", "ms", waits))


def _one_id(server: Server) -> Load:
    # Longer than any freshness above: with the other server's turn in between, what is there is too old.
    return load(server.port, requests.polls(server.port, 12, [_ONE_ID]), 16, 8)


def _first_poll(server: Server) -> float:
    """How long one poll takes, in milliseconds."""
    poll = requests.signed_post(server.port, _ONE_ID, int(time.time()))
    began = time.monotonic()
    answered(poll, server.port)
    return (time.monotonic() - began) * 1000


def held(pace: Pace, findings: Findings) -> None:
    """What pictures weigh: one of 10,000 instances, and a hundred of a hundred each."""
    for instances, principals in ((10000, 1), (100, 100)):
        grown = []
        for _ in range(pace.rounds):
            with servers.backend(instances, churn=1) as cloud, servers.ec2proxy(cloud) as ours:
                before = ours.resident
                for _ in range(3):
                    for number in range(principals):
                        answered(requests.basic_get(ours.port, f"user{number}"), ours.port)
                    time.sleep(1.1)
                grown.append((ours.resident - before) / MIB)
        what = f"memory for {principals:,} principals with {instances:,} instances each, after three refreshes"
        findings.figures.append(Figure(what, "", "MiB", grown))
