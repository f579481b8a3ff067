"""The drivers of clouds: one package for each kind, found as Twisted plugins.

A module in this package, or in a directory ``ec2proxy/drivers`` without an ``__init__.py`` elsewhere on the path,
declares a kind by a module-level object that provides :class:`~ec2proxy.interfaces.IDriverFactory` and
:class:`~twisted.plugin.IPlugin`.
"""

from twisted.plugin import pluginPackagePaths

__path__.extend(pluginPackagePaths(__name__))
