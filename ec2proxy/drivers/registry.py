"""Which driver takes a backend's URL."""

from urllib.parse import urlsplit

from twisted.plugin import getPlugins

from ec2proxy import drivers
from ec2proxy.interfaces import IDriverFactory


def factories() -> list[IDriverFactory]:
    """All kinds of driver that are installed, by name; ours first where a name is declared twice."""
    return sorted(getPlugins(IDriverFactory, drivers), key=lambda factory: str(factory.name))


def factory_for(url: str) -> IDriverFactory:
    """The driver factory for a backend's URL.

    :raises LookupError: no driver, or more than one, takes URLs of that scheme; the message is one line for the
        person who configured it.
    """
    scheme = urlsplit(url).scheme.lower()
    known = factories()
    taking = [factory for factory in known if scheme in factory.schemes]
    if not taking:
        schemes = ", ".join(sorted({f"{name}://" for factory in known for name in factory.schemes}))
        raise LookupError(f"no driver takes the backend URL {url!r}: it has to begin with one of {schemes}")
    if len(taking) > 1:
        names = " and ".join(str(factory.name) for factory in taking)
        raise LookupError(f"the drivers {names} both take {scheme}:// URLs")
    return taking[0]
