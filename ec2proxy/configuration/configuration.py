"""The checked configuration of a daemon, and where it can be read again."""

from collections.abc import Mapping, Sequence

from attrs import asdict, evolve, field, frozen

from ec2proxy.auth.accounts import Accounts, AccountsError
from ec2proxy.configuration.kinds import the_reactor
from ec2proxy.configuration.reading import ConfigurationError, File, Reader, hint
from ec2proxy.configuration.regions import REGIONS, Region, regions_of
from ec2proxy.configuration.settings import Settings, field_of, table
from ec2proxy.state.errors import StateError
from ec2proxy.state.opening import check_store, make_store
from ec2proxy.tls.pair import PairError, PairFiles
from ec2proxy.tls.serving import speaks_plainly

STATE = "sqlite:///ec2proxy.sqlite"
"""Where the state is kept by default; what is remembered of embedded clouds ends with them, in memory."""


@frozen
class Configuration:
    """All that a daemon is made from, checked.

    :param settings: of the whole daemon.
    :param state: where it keeps what it remembers.
    :param regions: the clouds; the first is asked where a client names none.
    """

    settings: Settings
    state: str = field(repr=False)
    regions: tuple[Region, ...]
    accounts: Accounts = field(repr=False)

    def renewed(self, found: "Configuration") -> "Configuration":
        """This one, with the accounts and regions of another; the rest cannot change while the daemon runs."""
        return evolve(self, regions=tuple(one.within(self.settings) for one in found.regions), accounts=found.accounts)

    def differences(self, found: "Configuration") -> list[str]:
        """The settings of the whole daemon that another one has otherwise."""
        ours, theirs = asdict(self.settings, recurse=False), asdict(found.settings, recurse=False)
        regional = {field_of(each.name) for each in table().values() if each.regional} | {"backend", "accounts"}
        return [name.replace("_", "-") for name in ours if ours[name] != theirs[name] and name not in regional]


@frozen
class Source:
    """What a configuration is read from; it may be read again.

    :param command_line: the texts that were given, by names of settings.
    :param config: the configuration file, or None.
    """

    command_line: Mapping[str, Sequence[str]]
    config: str | None

    def read(self, trying: bool = False) -> Configuration:
        """Read and check everything.

        :param trying: whether to find out, too, if the state can be had; nothing is made or changed.
        :raises ConfigurationError: something is wrong.
        """
        reader = Reader(File() if self.config is None else File.read(self.config))
        settings = reader.settings(self.command_line, (REGIONS,))
        regions = regions_of(reader, settings)
        embedded = all(region.backend is None for region in regions)
        accounts = _accounts(reader, settings, embedded)
        _check_regions(reader, accounts, regions)
        state = settings.state or ("memory:" if embedded else STATE)
        try:
            make_store(state, the_reactor(), settings.state_key)
            if trying:
                check_store(state, settings.state_key)
        except StateError as error:
            reader.wrong(reader.where("state"), error)
        _check_tls(reader, settings)
        if reader.mistakes:
            raise ConfigurationError(reader.mistakes)
        return Configuration(settings, state, regions, accounts)


def tls_files(settings: Settings) -> PairFiles | None:
    """The certificate that clients are to be shown, and its key; None for no TLS."""
    return None if settings.tls_cert is None else PairFiles(settings.tls_cert, settings.tls_key or settings.tls_cert)


def _check_tls(reader: Reader, settings: Settings) -> None:
    files = tls_files(settings)
    if files is None:
        if settings.tls_key is not None:
            reader.wrong(reader.where("tls-key"), "it goes with a --tls-cert")
        return
    if all(speaks_plainly(endpoint) for endpoint in settings.listen):
        reader.wrong(reader.where("tls-cert"), "there is no --listen for it: ssl: has its own, and unix: has none")
    try:
        files.load()
    except PairError as error:
        reader.wrong(reader.where("tls-cert"), error)


def _check_regions(reader: Reader, accounts: Accounts, regions: Sequence[Region]) -> None:
    """A misspelt name would send somebody's credentials for one region to another."""
    if any(region.any_name for region in regions):
        return
    names = [region.name for region in regions]
    for account in accounts:
        for name in account.regions:
            if name not in names:
                why = f"the account {account.access_key} has a region {name!r} that is not there{hint(name, names)}"
                reader.wrong(reader.where("accounts"), why)


def _accounts(reader: Reader, settings: Settings, embedded: bool) -> Accounts:
    if settings.accounts is None:
        return Accounts.mock() if embedded else Accounts()
    try:
        return Accounts.load(settings.accounts)
    except AccountsError as error:
        for mistake in error.mistakes:
            reader.wrong(reader.where("accounts"), mistake)
        return Accounts()
