"""Drivers are found as Twisted plugins."""

import sys
from pathlib import Path

from twisted.plugin import getPlugins, pluginPackagePaths
from twisted.python.filepath import FilePath
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ec2proxy import drivers
from ec2proxy.drivers.registry import factories, factory_for
from ec2proxy.interfaces import IDriverFactory

THIRD_PARTY = """
from twisted.plugin import IPlugin
from zope.interface import implementer
from ec2proxy.interfaces import IDriverFactory

@implementer(IPlugin, IDriverFactory)
class Factory:
    name = "another"
    schemes = frozenset(("another", {more}))

    def driver(self, backend, reactor, agent):
        raise ValueError("not today")

factory = Factory()
"""


class RegistryTests(SynchronousTestCase):
    """:mod:`ec2proxy.drivers.registry`."""

    def install(self, more=""):
        """Put a third party's driver on the path."""
        # Each test has modules of its own: Python keeps those of the one before.
        folder = Path(self.mktemp()).absolute()
        plugins = folder / "ec2proxy" / "drivers"
        plugins.mkdir(parents=True)
        (plugins / f"a_{folder.parent.name}.py").write_text(THIRD_PARTY.format(more=more))
        self.patch(sys, "path", [*sys.path, str(folder)])
        self.patch(drivers, "__path__", [*drivers.__path__, *pluginPackagePaths("ec2proxy.drivers")])

    def test_ours(self):
        """The Deltacloud driver takes http and https, however written."""
        for url in ("http://host/api", "https://host/api", "HTTP://host/api"):
            factory = factory_for(url)
            self.assertEqual("deltacloud", factory.name)
            verifyObject(IDriverFactory, factory)

    def test_none(self):
        """A URL that no driver takes is one clear line."""
        for url in ("", "ftp://host", "host:3001", "mock"):
            error = self.assertRaises(LookupError, factory_for, url)
            self.assertIn("http://, https://", str(error))
            self.assertNotIn("\n", str(error))

    def test_secret_in_url(self):
        """The line does not show a password that stands in the URL."""
        error = self.assertRaises(LookupError, factory_for, "ftp://user:secret@host/")
        self.assertNotIn("secret", str(error))

    def test_third_party(self):
        """A package that is no part of ours adds a driver."""
        self.install()
        self.assertEqual("another", factory_for("another://host").name)
        self.assertEqual(["another", "deltacloud"], [factory.name for factory in factories()])

    def test_two_claims(self):
        """Two drivers for one scheme are told, not chosen between."""
        self.install('"http"')
        error = self.assertRaises(LookupError, factory_for, "http://host")
        self.assertIn("another and deltacloud", str(error))

    def test_plugin_modules(self):
        """No module of the package fails to be imported by the plugin system."""
        self.assertEqual(1, len(list(getPlugins(IDriverFactory, drivers))))
        self.assertEqual([], self.flushLoggedErrors())
        self.assertTrue(FilePath(drivers.__file__).exists())
