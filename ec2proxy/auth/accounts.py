"""The accounts file: which access keys there are, their secrets, and whom they are in the cloud.

::

    [[account]]
    access_key = "AKIDEXAMPLE"
    secret_key = "secret"
    user = "mockuser"
    password = "mockpassword"
    enabled = true                     # optional
    actions = ["Describe*", "ec2:Get*"]  # optional: all others are refused

    [account.regions.eu-west]          # optional: other cloud credentials in that region
    user = "someone"
    password = "else"
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from attrs import field, frozen

from ec2proxy.model import Credentials
from ec2proxy.private import open_to_others
from ec2proxy.toml import Document, TomlError

_TYPES: Mapping[str, type] = {
    "access_key": str,
    "secret_key": str,
    "user": str,
    "password": str,
    "enabled": bool,
    "actions": list,
    "regions": dict,
}
_OPTIONAL = frozenset({"enabled", "actions", "regions"})
_PATTERN = re.compile(r"(?:[a-z0-9]+:)?[A-Za-z0-9*?]+", re.ASCII)
_REGION_TYPES: Mapping[str, type] = {"user": str, "password": str}


class AccountsError(Exception):
    """The accounts file cannot be used.

    :ivar mistakes: one line for each, which says where and what, and no secret; there is at least one.
    """

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__(mistakes[0])
        self.mistakes = tuple(mistakes)


def _allowed(patterns: Sequence[str]) -> re.Pattern[str]:
    """What matches the actions that any of some patterns does: ``ec2:DescribeInstances``."""
    whole = (pattern if ":" in pattern else f"ec2:{pattern}" for pattern in patterns)
    escaped = (re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".") for pattern in whole)
    # IAM takes capitals and small letters for the same in actions.
    return re.compile("|".join(escaped) if patterns else r"(?!)", re.IGNORECASE | re.ASCII)


@frozen
class Account:
    """One access key.

    :param secret_key: what its holder signs with.
    :param credentials: whom it is in the cloud, in regions that :param regions: does not name.
    :param enabled: a disabled one is treated as if it were not there.
    :param actions: patterns, as IAM has them, of what it may do.
    """

    access_key: str
    secret_key: str = field(repr=False)
    credentials: Credentials
    enabled: bool = True
    regions: Mapping[str, Credentials] = field(factory=dict)
    actions: tuple[str, ...] = ("*",)
    _allowed: re.Pattern[str] = field(init=False, repr=False, eq=False)

    @_allowed.default
    def _compiled(self) -> re.Pattern[str]:
        return _allowed(self.actions)

    def credentials_in(self, region: str | None) -> Credentials:
        """Whom this account is in a region of the cloud."""
        return self.credentials if region is None else self.regions.get(region, self.credentials)

    def may(self, api: str, action: str) -> bool:
        """Whether it may perform an action of an API; anybody may ask who they are, as with Amazon.

        :param api: ``ec2`` or ``sts``.
        """
        return api == "sts" or self._allowed.fullmatch(f"{api}:{action}") is not None


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
            document = _document(path)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            where = f"{path}:{error.line}" if isinstance(error, TomlError) else path
            raise AccountsError([f"{where}: {why}"]) from None
        reader = _Reader(path, document)
        accounts = reader.accounts()
        if reader.mistakes:
            raise AccountsError(reader.mistakes)
        return cls(accounts)

    def __iter__(self) -> Iterator[Account]:
        """All of them, the disabled ones too."""
        return iter(self._by_key.values())

    def lookup(self, access_key: str) -> Account | None:
        """The enabled account of an access key, or None."""
        account = self._by_key.get(access_key)
        return account if account is not None and account.enabled else None


def _document(path: str) -> Document:
    with open(path, "rb") as stream:
        # Of the open file: another could take its name's place between a look and a read.
        if open_to_others(os.fstat(stream.fileno())):
            raise ValueError("others than its owner have access to it; chmod 600 it")
        return Document.of(stream.read().decode())


class _Reader:
    """Makes accounts of a document, and gathers what is wrong with it.

    :ivar mistakes: one line for each.
    """

    def __init__(self, path: str, document: Document) -> None:
        self.mistakes: list[str] = []
        self._path = path
        self._document = document

    def accounts(self) -> list[Account]:
        """The accounts; of some use only if there is no mistake."""
        values = self._document.values
        for name in values:
            if name != "account":
                self._wrong((name,), f"unknown key {name!r}{_hint(name, ['account'])}")
        entries = values.get("account", [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self._wrong(("account",), "'account' is not a list of tables: write [[account]]")
            return []
        found: dict[str, Account] = {}
        for index, entry in enumerate(entries):
            account = self._account(index, entry)
            if account is not None and account.access_key in found:
                self._wrong(("account", index), f"the access_key {account.access_key!r} is there twice")
            elif account is not None:
                found[account.access_key] = account
        return list(found.values())

    def _account(self, index: int, entry: dict[str, Any]) -> Account | None:
        path, where = ("account", index), f"account {index + 1}"
        before = len(self.mistakes)
        self._check(path, where, entry, _TYPES, _OPTIONAL)
        if len(self.mistakes) > before:
            return None
        regions = {}
        for name, region in entry.get("regions", {}).items():
            if not isinstance(region, dict):
                self._wrong((*path, "regions", name), f"{where}: 'regions.{name}' is not a table")
                continue
            self._check((*path, "regions", name), f"{where}: region {name!r}", region, _REGION_TYPES)
            regions[name] = Credentials(region.get("user", ""), region.get("password", ""))
        actions = entry.get("actions", ["*"])
        for pattern in actions:
            if not isinstance(pattern, str) or not _PATTERN.fullmatch(pattern):
                self._wrong((*path, "actions"), f"{where}: {pattern!r} in 'actions' is no pattern such as 'Describe*'")
                return None
        credentials = Credentials(entry["user"], entry["password"])
        enabled = entry.get("enabled", True)
        return Account(entry["access_key"], entry["secret_key"], credentials, enabled, regions, tuple(actions))

    def _check(
        self,
        path: tuple[str | int, ...],
        where: str,
        entry: dict[str, Any],
        types: Mapping[str, type],
        optional: frozenset[str] = frozenset(),
    ) -> None:
        for name, value in entry.items():
            if name not in types:
                self._wrong((*path, name), f"{where}: unknown key {name!r}{_hint(name, list(types))}")
            elif not isinstance(value, types[name]) or value == "":
                self._wrong((*path, name), f"{where}: {name!r} is not {_KINDS[types[name]]}")
        for name in types:
            if name not in entry and name not in optional:
                self._wrong(path, f"{where}: {name!r} is missing")

    def _wrong(self, path: tuple[str | int, ...], why: str) -> None:
        self.mistakes.append(f"{self._path}:{self._document.line(*path)}: {why}")


_KINDS = {str: "a text that is not empty", bool: "true or false", dict: "a table", list: "a list of texts"}


def _hint(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, 1)
    return f"; did you mean {near[0]!r}?" if near else ""
