"""Brings ec2proxy/ec2/known_actions.txt up to date with the botocore that is installed.

    python contrib/known_actions.py

Names are added and never removed: what EC2 had once is still no misspelling.
"""

from pathlib import Path

import botocore
from botocore.session import get_session

LIST = Path(__file__).parents[1] / "ec2proxy" / "ec2" / "known_actions.txt"

HEADER = "# EC2's actions, from botocore {version}. Made by contrib/known_actions.py."


def updated(kept: str) -> str:
    """The list after an update.

    :param kept: the list before it.
    """
    names = {line for line in kept.splitlines() if line and not line.startswith("#")}
    names.update(get_session().get_service_model("ec2").operation_names)
    return "\n".join([HEADER.format(version=botocore.__version__), *sorted(names), ""])


if __name__ == "__main__":
    LIST.write_text(updated(LIST.read_text() if LIST.exists() else ""))
