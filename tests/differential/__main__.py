"""Compares ec2proxy with moto: ``python -m tests.differential [--write]``.

It says what differs, and fails if a difference has no reason in differences.toml, a reason no difference, an action no
case, or docs/compatibility.rst another table; ``--write`` brings that table up to date.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ec2proxy.actions import registry
from tests.differential import accepted
from tests.differential.cases import CASES, MOTO, OURS
from tests.differential.servers import Server, first_image, running, start_moto
from tests.differential.shapes import Difference, differences
from tests.e2e.cases import PASSWORD, USER
from tests.e2e.daemons import Daemon, start, start_mock

ACCOUNT = {"access_key": USER, "secret_key": PASSWORD, "user": USER, "password": PASSWORD}

#: What EC2 has and Deltacloud's mock driver has not.
FEATURES = [f"--feature={name}" for name in ("user_data", "import_key", "firewalls")]


@contextmanager
def started(cloud: Daemon) -> Iterator[Daemon]:
    """ec2proxy in front of a cloud."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as accounts:
        accounts.write("".join(["[[account]]\n", *(f'{key} = "{value}"\n' for key, value in ACCOUNT.items())]))
        accounts.flush()
        with running(start(f"--backend={cloud.base}/api", f"--accounts={accounts.name}")) as daemon:
            yield daemon


def compare() -> set[Difference]:
    """Start both, make the same calls to them, and say what differs."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    public = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    with running(start_moto()) as moto, running(start_mock(*FEATURES)) as cloud, started(cloud) as daemon:
        there = Server(moto.base, {**MOTO, "image": first_image(moto.base), "public": public})
        here = Server(daemon.url, {**OURS, "public": public})
        return {
            difference
            for case in CASES
            for difference in differences(case.action, case.what, there.call(case), here.call(case))
        }


def main(write: bool) -> int:
    """Compare, tell, and give the exit code."""
    reasons = accepted.load()
    if write:
        accepted.PAGE.write_text(accepted.page(reasons), "utf-8")
    found = compare()
    unexplained, stale = accepted.judge(found, reasons)
    missing = sorted(set(registry.load()) - {case.action for case in CASES})
    complaints = [
        *(f"no reason: {each.action}: {each.what}: {each.moto} -> {each.ours}" for each in unexplained),
        *(f"stale: {each}" for each in stale),
        *(f"no case: {action}" for action in missing),
    ]
    if accepted.page(reasons) != accepted.PAGE.read_text("utf-8"):
        complaints.append(f"the table in {accepted.PAGE} is not that of {accepted.LIST}")
    for complaint in complaints:
        print(complaint)
    print(f"{len(CASES)} calls, {len(found)} differences, {len(unexplained)} without a reason, {len(stale)} stale")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] == ["--write"]))
