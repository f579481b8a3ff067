"""From what --state says to a store."""

import os
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from ec2proxy.interfaces import IStateStore
from ec2proxy.state.errors import StateError
from ec2proxy.state.memory import MemoryStateStore
from ec2proxy.state.opening import make_store
from tests.state.postgres import server


class MakeStoreTests(SynchronousTestCase):
    """What is known before anything is opened."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(self.folder)

    def refused(self, url: str, key_file: str | None = None) -> str:
        message = str(self.assertRaises(StateError, make_store, url, Clock(), key_file))
        self.assertNotIn("\n", message)
        return message

    def opened(self, url: str, key_file: str | None = None) -> list[str]:
        store: Any = make_store(url, Clock(), key_file)
        self.assertEqual(list(self.folder.iterdir()), [])
        store.open()
        self.successResultOf(Deferred.fromCoroutine(store.close()))
        return sorted(path.name for path in self.folder.iterdir())

    def test_memory(self) -> None:
        """A store that forgets."""
        store = make_store("memory:", Clock())
        self.assertIsInstance(store, MemoryStateStore)
        store.open()

    def test_sqlite(self) -> None:
        """A URL and the name of a file are the same; the key is beside it."""
        files = ["ec2proxy.sqlite", "ec2proxy.sqlite.key"]
        for url in (
            "ec2proxy.sqlite",
            "sqlite:///ec2proxy.sqlite",
            f"sqlite:///{self.folder}/ec2proxy.sqlite",
        ):
            self.assertEqual(self.opened(url), files)
            for name in files:
                (self.folder / name).unlink()

    def test_key_file(self) -> None:
        """The key is where it is said to be."""
        self.assertEqual(self.opened("state.sqlite", "secret.key"), ["secret.key", "state.sqlite"])

    def test_percent(self) -> None:
        """A name is taken as it is."""
        self.assertEqual(self.opened("100%41 ü.sqlite"), ["100%41 ü.sqlite", "100%41 ü.sqlite.key"])

    def test_sqlite_refused(self) -> None:
        """What is no name of a file is refused."""
        for url in (
            "",
            "sqlite:",
            "sqlite://",
            "sqlite:///",
            "sqlite://host/x",
            "sqlite:///:memory:",
            "folder/",
            "a\0b",
        ):
            self.assertIn("SQLite", self.refused(url), url)
        self.assertIn("no options", self.refused("sqlite:///x.sqlite?mode=ro"))

    def test_unknown(self) -> None:
        """A scheme that is not known is told the ones that are, and the rest of the URL is not shown."""
        for url in ("mysql://user:hunter2@host/db", "postgresql+psycopg2://user:hunter2@host/db", "redis:hunter2"):
            message = self.refused(url, "key")
            self.assertIn("memory:, sqlite:///FILE", message)
            self.assertNotIn("hunter2", message)

    def test_postgresql_refused(self) -> None:
        """A URL that is none, lacks the database or comes without a key is refused, and its password not shown."""
        for url in ("postgresql://u:hunter2@h:port/d", "postgresql:hunter2", "postgresql+psycopg://u:hunter2@h"):
            message = self.refused(url, "key")
            self.assertIn("postgresql+psycopg://USER@HOST/DATABASE", message)
            self.assertNotIn("hunter2", message)
        self.assertIn("key file", self.refused("postgresql+psycopg://u:hunter2@h/d"))

    def test_no_psycopg(self) -> None:
        """What is to be installed is told."""
        self.addCleanup(sys.modules.__setitem__, "psycopg", sys.modules["psycopg"])
        sys.modules["psycopg"] = None  # type: ignore[assignment]
        self.assertIn("pip install 'ec2proxy[postgresql]'", self.refused("postgresql://h/d", "key"))

    def test_postgresql_not_there(self) -> None:
        """A server that cannot be reached is one line at the start, without the password."""
        url = "postgresql+psycopg://user:hunter2@/database?host=/nowhere&password=hunter2"
        store = make_store(url, Clock(), "key")
        message = str(self.assertRaises(StateError, store.open))
        self.assertIn("No such file", message)
        for text in (message, repr(store), repr(vars(store))):
            self.assertNotIn("hunter2", text)
            self.assertNotIn("\n", text)


class ThreadsTests(TestCase):
    """With the real reactor and its threads, as in the daemon."""

    async def crowd(self, store: IStateStore) -> None:
        store.open()
        names = [f"key-{number}" for number in range(200)]
        puts = [Deferred.fromCoroutine(store.put("s", "k", name, {"name": name})) for name in names]
        claims = [Deferred.fromCoroutine(store.put_new("s", "claim", "one", {"name": name})) for name in names]
        puts[7].addErrback(lambda _: None).cancel()
        await gatherResults(puts)
        told = await gatherResults(claims)
        self.assertEqual(told, [None] + [{"name": "key-0"}] * 199)
        self.assertEqual(sorted(await store.items("s", "k")), sorted(names))
        last = Deferred.fromCoroutine(store.put("other", "k", "last", {}))
        await store.close()
        await last

    async def test_sqlite(self) -> None:
        """A crowd is served in order, a cancelled write is made, and closing waits for the last."""
        await self.crowd(make_store(f"sqlite:///{self.mktemp()}", reactor))

    async def test_postgresql(self) -> None:
        """The same in PostgreSQL."""
        url = server().database().render_as_string(hide_password=False)
        await self.crowd(make_store(url, reactor, self.mktemp()))
