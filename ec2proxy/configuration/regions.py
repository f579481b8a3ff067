"""The regions of a configuration: each a cloud with a name."""

import re
from typing import Any

from attrs import evolve, frozen

from ec2proxy.configuration.kinds import the_reactor
from ec2proxy.configuration.reading import Reader, hint
from ec2proxy.configuration.settings import MOCK, Settings, field_of, table
from ec2proxy.drivers.registry import factory_for
from ec2proxy.model import Backend

REGIONS = "regions"
"""The table of the file that has a table for each region."""

ONLY = "deltacloud"
"""The name of a cloud that was given none."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


@frozen
class Region:
    """A cloud with a name.

    :param settings: what goes for it: the daemon's, but for what it has of its own.
    :param any_name: whether it is the only one and takes any name that a client signs for.
    """

    name: str
    settings: Settings
    any_name: bool = False

    @property
    def backend(self) -> Backend | None:
        """Its backend; None for an embedded cloud."""
        settings = self.settings
        if settings.backend == MOCK:
            return None
        return Backend(
            settings.backend, settings.driver, settings.provider, settings.timeout, authorities=settings.backend_ca
        )

    def within(self, settings: Settings) -> "Region":
        """This region in a daemon that has other settings: with its own where each region may have them."""
        names = ["backend", *(field_of(each.name) for each in table().values() if each.regional)]
        return evolve(self, settings=evolve(settings, **{name: getattr(self.settings, name) for name in names}))


def regions_of(reader: Reader, settings: Settings) -> tuple[Region, ...]:
    """The regions that the file names; else the one cloud of ``backend``.

    :param reader: is told of mistakes.
    """
    named = reader.file.document.values.get(REGIONS)
    if named is None:
        only = Region(ONLY, settings, any_name=True)
        _check(reader, only, reader.where("backend"))
        if settings.default_region is not None:
            reader.wrong(reader.where("default-region"), "there are no [regions.NAME] to choose from")
        if settings.backend == MOCK and (settings.driver or settings.provider):
            where = reader.where("driver" if settings.driver else "provider")
            reader.wrong(where, "--driver and --provider go with the --backend of a Deltacloud server")
        return (only,)
    if not isinstance(named, dict) or not named or not all(isinstance(one, dict) for one in named.values()):
        reader.wrong(reader.file.where(REGIONS), "it is not a table of regions: write [regions.NAME]")
        return ()
    if "backend" in reader.said:
        reader.wrong(reader.where("backend"), "each of the regions has its own url")
    return _default_first(reader, settings, [_region(reader, settings, name, one) for name, one in named.items()])


def _default_first(reader: Reader, settings: Settings, regions: list[Region]) -> tuple[Region, ...]:
    default = settings.default_region
    if default is not None and default not in (names := [region.name for region in regions]):
        reader.wrong(reader.where("default-region"), f"{default!r} is none of {', '.join(names)}{hint(default, names)}")
    return tuple(sorted(regions, key=lambda region: region.name != default))


def _region(reader: Reader, settings: Settings, name: str, values: dict[str, Any]) -> Region:
    path = (REGIONS, name)
    if not _NAME.fullmatch(name):
        reader.wrong(reader.file.where(*path), "a region's name has small letters, digits and hyphens, 63 at most")
    regional = [each.name for each in table().values() if each.regional]
    own = reader.of_table(settings, values, path, ("url", *regional), ("url",))
    url = values.get("url")
    if not isinstance(url, str):
        reader.wrong(reader.file.where(*path), "it needs a url: that of a Deltacloud API, or mock")
        return Region(name, own)
    where = reader.file.where(*path, "url")
    if url == MOCK:
        if "driver" in values or "provider" in values:
            reader.wrong(where, "an embedded cloud has neither driver nor provider")
        own = evolve(own, driver=None, provider=None)
    region = Region(name, evolve(own, backend=url))
    _check(reader, region, where)
    return region


def _check(reader: Reader, region: Region, where: str) -> None:
    backend = region.backend
    if backend is None:
        return
    try:
        # A driver knows best which URLs it can use, and making one sends nothing.
        factory_for(backend.url).driver(backend, the_reactor(), None)
    except (LookupError, ValueError) as error:
        reader.wrong(where, error)
