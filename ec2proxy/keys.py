"""``ec2proxy-keys``: access keys are made, shown, changed and removed in the accounts file.

The file keeps its comments and its order. Nobody ever sees half of a change: it is written beside the file, put on the
disk, and given the file's name. A running daemon takes it with SIGHUP.
"""

import argparse
import fcntl
import getpass
import os
import secrets
import string
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from tempfile import mkstemp
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ec2proxy.auth.accounts import Account, Accounts, AccountsError

#: The default place of the accounts file.
ACCOUNTS = "accounts.toml"

# What Amazon's access key ids are made of: base 32's letters and digits, 20 in all.
_ID_LETTERS = string.ascii_uppercase + "234567"
_SECRET_LETTERS = string.ascii_letters + string.digits + "+/"


class KeysError(Exception):
    """What was asked for cannot be done; the message is one line, without a secret."""


def new_access_key() -> str:
    """An access key id as Amazon's look: ``AKIA`` and sixteen letters or digits."""
    return "AKIA" + "".join(secrets.choice(_ID_LETTERS) for _ in range(16))


def new_secret() -> str:
    """A secret access key as Amazon's look: forty characters, 240 random bits."""
    return "".join(secrets.choice(_SECRET_LETTERS) for _ in range(40))


class AccountsFile:
    """An accounts file that is being changed; nobody else changes it meanwhile.

    :param path: where it is; it may not be there yet.
    """

    def __init__(self, path: str) -> None:
        # A link stays one: what it leads to is written.
        self._path = os.path.realpath(path)
        try:
            with open(self._path, encoding="utf-8") as stream:
                text = stream.read()
            # It tells better what is wrong.
            self.accounts = list(Accounts.load(self._path))
            self._document = tomlkit.parse(text)
        except FileNotFoundError:
            self._document, self.accounts = tomlkit.document(), []
        except AccountsError as error:
            raise KeysError(str(error)) from None
        except (OSError, UnicodeDecodeError, TOMLKitError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise KeysError(f"{path}: {why}") from None

    def add(self, values: dict[str, Any]) -> None:
        """Put an account at the end."""
        table = tomlkit.table()
        for name, value in values.items():
            table.add(name, value)
        if "account" not in self._document:
            self._document.add("account", tomlkit.aot())
        if self.accounts:
            self._tables()[-1].add(tomlkit.nl())
        self._tables().append(table)

    def change(self, access_key: str, values: Mapping[str, Any]) -> None:
        """Give an account other values; None takes one away."""
        table = self._tables()[self._index(access_key)]
        for name, value in values.items():
            if value is None:
                table.pop(name, None)
            elif name in table:
                table[name] = value
            else:
                _put_before_tables(table, name, value)

    def remove(self, access_key: str) -> None:
        """Take an account away."""
        del self._tables()[self._index(access_key)]

    def save(self) -> None:
        """Write it, for its owner's eyes only.

        :raises KeysError: that cannot be done; the file is as it was.
        """
        folder = os.path.dirname(self._path)
        try:
            descriptor, new = mkstemp(prefix=".accounts-", dir=folder)
            try:
                with open(descriptor, "w", encoding="utf-8") as stream:
                    self._keep_owner(descriptor)
                    stream.write(tomlkit.dumps(self._document))
                    stream.flush()
                    os.fsync(descriptor)
                # What the daemon would not take must not get the name.
                Accounts.load(new)
                os.replace(new, self._path)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(new)
                raise
            directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except AccountsError as error:
            raise KeysError(str(error).replace(new, self._path)) from None
        except OSError as error:
            raise KeysError(f"{self._path}: {error.strerror}") from None

    def _keep_owner(self, descriptor: int) -> None:
        with suppress(FileNotFoundError):
            before = os.stat(self._path)
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(descriptor, before.st_uid, before.st_gid)

    def _tables(self) -> Any:
        return self._document["account"]

    def _index(self, access_key: str) -> int:
        for index, account in enumerate(self.accounts):
            if account.access_key == access_key:
                return index
        raise KeysError(f"there is no key {access_key}")


def _put_before_tables(table: Any, name: str, value: Any) -> None:
    """Add a value to a table before the tables within it: what follows their headers would be theirs."""
    inner = {key: table.pop(key) for key in [*table] if isinstance(table[key], dict)}
    table.add(name, value)
    for key, kept in inner.items():
        table.add(key, kept)


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Wait until nobody else changes the accounts file, and keep others from it.

    The lock is on a file beside it: the accounts file itself is another one after each change.
    """
    name = f"{os.path.realpath(path)}.lock"
    try:
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise KeysError(f"{name}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ec2proxy-keys", description="Access keys of ec2proxy. A running daemon takes changes with SIGHUP."
    )
    parser.add_argument("--accounts", default=ACCOUNTS, help=f"the accounts file (default: {ACCOUNTS})")
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="make a key for a user of the cloud; its secret is shown once")
    add.add_argument("user", help="whom it is in the cloud")
    add.add_argument(
        "--action", action="append", metavar="PATTERN", help="allow this only, e.g. 'Describe*'; repeatable"
    )
    add.add_argument("--password-file", metavar="FILE", help="where the user's password is; '-' for standard input")
    commands.add_parser("list", help="show the keys, without secrets")
    for name, text in (
        ("disable", "have a key refused"),
        ("enable", "have a disabled key taken again"),
        ("rotate", "give a key's account another key and secret; the old key is refused from then on"),
        ("remove", "take a key away"),
    ):
        commands.add_parser(name, help=text).add_argument("access_key", metavar="KEY")
    return parser


def _password(file: str | None) -> str:
    """The cloud password, from a prompt, standard input or a file; never from the command line, which others see."""
    try:
        if file is None and sys.stdin.isatty():
            password = getpass.getpass("Password in the cloud: ")
        elif file in (None, "-"):
            password = sys.stdin.readline().rstrip("\r\n")
        else:
            with open(str(file), encoding="utf-8") as stream:
                password = stream.readline().rstrip("\r\n")
    except OSError as error:
        raise KeysError(f"{file}: {error.strerror}") from None
    if not password:
        raise KeysError("the password is empty")
    return password


def _shown(account: Account) -> str:
    state = "enabled" if account.enabled else "disabled"
    regions = f" regions={','.join(account.regions)}" if account.regions else ""
    return f"{account.access_key} {state} user={account.credentials.user} actions={','.join(account.actions)}{regions}"


def _tell(access_key: str, secret: str) -> None:
    print(f"access key: {access_key}\nsecret key: {secret}")
    print("The secret is not shown again by this command.", file=sys.stderr)


def _run(options: argparse.Namespace) -> None:
    password = _password(options.password_file) if options.command == "add" else ""
    if options.command == "list":
        for account in AccountsFile(options.accounts).accounts:
            print(_shown(account))
        return
    with locked(options.accounts):
        file = AccountsFile(options.accounts)
        made: tuple[str, str] | None = None
        if options.command == "add":
            made = new_access_key(), new_secret()
            values = {"access_key": made[0], "secret_key": made[1], "user": options.user, "password": password}
            file.add({**values, **({"actions": options.action} if options.action else {})})
        elif options.command == "rotate":
            made = new_access_key(), new_secret()
            file.change(options.access_key, {"access_key": made[0], "secret_key": made[1]})
        elif options.command == "remove":
            file.remove(options.access_key)
        else:
            file.change(options.access_key, {"enabled": False if options.command == "disable" else None})
        file.save()
    if made is not None:
        _tell(*made)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; give the exit code."""
    try:
        _run(_parser().parse_args(arguments))
    except KeysError as error:
        print(f"ec2proxy-keys: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
