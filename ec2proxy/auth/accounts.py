"""The accounts file: which access keys there are, their secrets, and whom they are in the cloud.

::

    [[account]]
    access_key = "AKIDEXAMPLE"
    secret_key = "secret"
    user = "mockuser"
    password = "mockpassword"
    enabled = true                     # optional

    [account.regions.eu-west]          # optional: other cloud credentials in that region
    user = "someone"
    password = "else"
"""

import os
import stat
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from ec2proxy.model import Credentials

_TYPES: Mapping[str, type] = {
    "access_key": str,
    "secret_key": str,
    "user": str,
    "password": str,
    "enabled": bool,
    "regions": dict,
}
_OPTIONAL = frozenset({"enabled", "regions"})
_REGION_TYPES: Mapping[str, type] = {"user": str, "password": str}


class AccountsError(Exception):
    """The accounts file cannot be used; the message is one line that says where and why, and no secret."""


@frozen
class Account:
    """One access key.

    :param secret_key: what its holder signs with.
    :param credentials: whom it is in the cloud, in regions that :param regions: does not name.
    :param enabled: a disabled one is treated as if it were not there.
    """

    access_key: str
    secret_key: str = field(repr=False)
    credentials: Credentials
    enabled: bool = True
    regions: Mapping[str, Credentials] = field(factory=dict)

    def credentials_in(self, region: str | None) -> Credentials:
        """Whom this account is in a region of the cloud."""
        return self.credentials if region is None else self.regions.get(region, self.credentials)


class Accounts:
    """All accounts, by access key."""

    def __init__(self, accounts: Iterable[Account] = ()) -> None:
        """
        :raises ValueError: two accounts have the same access key.
        """
        self._by_key: dict[str, Account] = {}
        for account in accounts:
            if account.access_key in self._by_key:
                raise ValueError(f"the access_key {account.access_key!r} is there twice")
            self._by_key[account.access_key] = account

    @classmethod
    def mock(cls) -> "Accounts":
        """The one account of the embedded mock cloud, known to it by the same name and password."""
        return cls([Account("mockuser", "mockpassword", Credentials("mockuser", "mockpassword"))])

    @classmethod
    def load(cls, path: str) -> "Accounts":
        """Read an accounts file.

        :raises AccountsError: it cannot be read, others can read it, or it is not what it should be.
        """
        try:
            return cls(_accounts(_document(path)))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise AccountsError(f"{path}: {why}") from None

    def lookup(self, access_key: str) -> Account | None:
        """The enabled account of an access key, or None."""
        account = self._by_key.get(access_key)
        return account if account is not None and account.enabled else None


def _document(path: str) -> dict[str, Any]:
    with open(path, "rb") as stream:
        # Of the open file: another could take its name's place between a look and a read.
        mode = os.fstat(stream.fileno()).st_mode
        if stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO):
            raise ValueError("others than its owner have access to it; chmod 600 it")
        return tomllib.load(stream)


def _accounts(document: dict[str, Any]) -> Iterable[Account]:
    for name in document:
        if name != "account":
            raise ValueError(f"unknown key {name!r}")
    entries = document.get("account", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("'account' is not a list of tables: write [[account]]")
    for number, entry in enumerate(entries, 1):
        yield _account(f"account {number}", entry)


def _account(where: str, entry: dict[str, Any]) -> Account:
    _check(where, entry, _TYPES, _OPTIONAL)
    regions = {}
    for name, region in entry.get("regions", {}).items():
        if not isinstance(region, dict):
            raise ValueError(f"{where}: 'regions.{name}' is not a table")
        _check(f"{where}: region {name!r}", region, _REGION_TYPES)
        regions[name] = Credentials(region["user"], region["password"])
    credentials = Credentials(entry["user"], entry["password"])
    return Account(entry["access_key"], entry["secret_key"], credentials, entry.get("enabled", True), regions)


def _check(
    where: str, entry: dict[str, Any], types: Mapping[str, type], optional: frozenset[str] = frozenset()
) -> None:
    for name, value in entry.items():
        if name not in types:
            raise ValueError(f"{where}: unknown key {name!r}")
        if not isinstance(value, types[name]) or value == "":
            kind = {str: "a text that is not empty", bool: "true or false", dict: "a table"}[types[name]]
            raise ValueError(f"{where}: {name!r} is not {kind}")
    for name in types:
        if name not in entry and name not in optional:
            raise ValueError(f"{where}: {name!r} is missing")
