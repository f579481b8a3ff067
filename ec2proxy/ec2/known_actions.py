"""The names of all actions that EC2 has, to tell what ec2proxy lacks from what nobody has."""

from functools import cache
from importlib.resources import files


@cache
def known_actions() -> frozenset[str]:
    """Their names. The list beside this module is made by ``contrib/known_actions.py``; ``#`` begins a comment."""
    text = files(__package__).joinpath("known_actions.txt").read_text("ascii")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
