"""The command line of ``twistd ec2proxy``, checked before anything is built."""

# Much of twisted.application and twisted.python has no types.
# mypy: disable-error-code="no-untyped-call"

import os
from collections.abc import Callable

from twisted.python.usage import UsageError

from ec2proxy.commandline import OneLineOptions
from ec2proxy.configuration.configuration import Configuration, Source
from ec2proxy.configuration.reading import ConfigurationError
from ec2proxy.configuration.settings import Setting, table


class Options(OneLineOptions):
    """What ``twistd ec2proxy`` can be told: every setting, and what concerns the settings themselves.

    :ivar configuration: what came of it.
    :ivar source: what it was read from.
    """

    configuration: Configuration
    source: Source
    program = "ec2proxy"
    synopsis = "[options]"
    longdesc = (
        "A real Amazon EC2 Query API for the cloud behind a Deltacloud server. Without options: EC2 at /ec2 and "
        "Deltacloud at /api of http://127.0.0.1:3001, on an embedded cloud (user mockuser, password mockpassword)."
    )
    optParameters = [
        ["config", "c", None, "The configuration file (TOML): settings by the names of these options, and regions."]
    ]
    optFlags = [["check", None, "Check the configuration and what it names, say what is wrong with it, and exit."]]

    def __init__(self) -> None:
        self._given: dict[str, list[str]] = {}
        super().__init__()

    def give(self, name: str, text: str) -> None:
        """Note what was said about a setting; of several texts, its kind takes all or the last one."""
        self._given.setdefault(name, []).append(text)

    def postOptions(self) -> None:
        """Read the configuration and check everything.

        :raises UsageError: something is wrong; one line says what.
        :raises SystemExit: that was all that was asked for.
        """
        config = self["config"]
        self.source = Source(self._given, None if config is None else os.path.abspath(config))
        try:
            self.configuration = self.source.read(trying=bool(self["check"]))
        except ConfigurationError as error:
            if self["check"]:
                raise SystemExit("\n".join(f"{self.program}: {mistake}" for mistake in error.mistakes)) from None
            more = len(error.mistakes) - 1
            raise UsageError(f"{error}{f' (and {more} more: see --check)' if more else ''}") from None
        if self["check"]:
            print("configuration is valid")
            raise SystemExit(0)


def _option(setting: Setting) -> Callable[[Options, str], None]:
    """The method for an option, as usage.Options finds it."""

    def opt(self: Options, text: str) -> None:
        self.give(setting.name, text)

    default = f" (default: {setting.shown})" if setting.shown else ""
    opt.__doc__ = f"{setting.help.removesuffix('.')}{default}."
    return opt


for _each in table().values():
    _method = _option(_each)
    setattr(Options, f"opt_{_each.name}".replace("-", "_"), _method)
    if _each.short is not None:
        setattr(Options, f"opt_{_each.short}", _method)
