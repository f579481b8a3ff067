"""``python -m tests.soak --minutes 5``: exits with 1 if the cloud is not what was answered."""

import re
import sys
import threading
import time
from argparse import ArgumentParser
from urllib.request import Request

from tests.e2e.backends import BASIC, HTTP, Troubled
from tests.e2e.cases import client
from tests.e2e.daemons import until
from tests.e2e.processes import descriptors, resident
from tests.soak.account import Account
from tests.soak.clients import Client, Leaver, Poller, Writer
from tests.soak.faults import Daemons, Trouble

#: Seconds that unfinished work may take once nothing disturbs it any more.
SETTLE = 120.0


def in_cloud(backend: Troubled) -> set[str]:
    """The instances that the backend itself has."""
    headers = {"Accept": "application/xml", "Authorization": BASIC}
    with HTTP.open(Request(f"{backend.base}/api/instances", headers=headers), timeout=30) as answer:
        return set(re.findall(r"<instance [^>]*id='([^']+)'", answer.read().decode()))


def told(url: str) -> dict[str, tuple[str, str]]:
    """State and name of each instance, as the daemon tells them."""
    answer = client(url).describe_instances()
    return {
        one["InstanceId"]: (
            one["State"]["Name"],
            {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}.get("Name", ""),
        )
        for each in answer["Reservations"]
        for one in each["Instances"]
    }


def under_way(url: str) -> dict[str, str]:
    """The instances that are on their way, and where they are."""
    return {one: state for one, (state, _) in told(url).items() if state not in ("running", "stopped", "terminated")}


def soak(backend: Troubled, daemons: Daemons, account: Account, seconds: float, seed: int) -> None:
    """Have clients work, with faults, for so long."""
    enough = threading.Event()
    kinds: list[type[Client]] = [Writer] * 4 + [Poller] * 4 + [Leaver] * 2
    clients = [kind(daemons.url, account, enough, seed + number) for number, kind in enumerate(kinds)]
    trouble = Trouble(backend, daemons, account, enough, seed)
    for thread in (*clients, trouble):
        thread.start()
    time.sleep(seconds)
    enough.set()
    trouble.end()
    for one in clients:
        one.join()


def main() -> int:
    """Soak, judge, report."""
    parser = ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--machine", default="arubacloud", help="the life cycle of the cloud's instances")
    parser.add_argument("daemon", nargs="*", help="further options for the daemon, after --")
    given = parser.parse_args()
    print(f"seed {given.seed}, {given.minutes:g} minutes, {given.machine}")
    account = Account()
    # An id that is another instance's later on could be terminated by mistake, also by a real client.
    backend = Troubled(f"--machine={given.machine}", "--fresh-ids", "--pending=0.3", "--stopping=0.3")
    daemons = Daemons(backend, account, *given.daemon)
    first = in_cloud(backend)
    soak(backend, daemons, account, given.minutes * 60, given.seed)
    try:
        until(lambda: not under_way(daemons.url), "the daemon finishes its work", SETTLE)
        # A launch that nobody waits for is looked for a while longer.
        time.sleep(5)
    except AssertionError:
        account.wrong.append(f"after {SETTLE:g} seconds there are {under_way(daemons.url)}; {daemons.now.log[-3000:]}")
    names = {one: name for one, (_, name) in told(daemons.url).items()}
    there = in_cloud(backend) - first
    found = account.check_cloud({one: names.get(one, "") for one in there})
    shown = {one for one, (state, _) in told(daemons.url).items() if state != "terminated"} - first
    found += [f"{one} is shown or there, not both" for one in sorted(shown ^ there)]
    print("\n".join(f"{count:7} {what}" for what, count in sorted(account.counts.items())))
    print(
        f"{len(account.lives)} live, {len(account.ended)} ended; not known: {len(account.perhaps_launched)} launches,"
        f" of which {len(account.perhaps_launched & set(names.values()))} were, and {len(account.perhaps_ended)} ends,"
        f" of which {len(account.perhaps_ended - there)} were"
    )
    print(f"the daemon has {descriptors(daemons.now.pid)} descriptors, {resident(daemons.now.pid) >> 20} MiB")
    daemons.close()
    backend.stop()
    print("\n".join(found or ["The cloud is what was answered."]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
