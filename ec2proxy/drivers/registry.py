"""Which driver takes a backend's URL."""

from twisted.plugin import getPlugins

from ec2proxy import drivers
from ec2proxy.interfaces import IDriverFactory


def factories() -> list[IDriverFactory]:
    """All kinds of driver that are installed, by name."""
    return sorted(getPlugins(IDriverFactory, drivers), key=lambda factory: str(factory.name))


def factory_for(url: str) -> IDriverFactory:
    """The driver factory for a backend's URL.

    :raises LookupError: no driver, or more than one, takes URLs of that scheme; the message is one line for the
        person who configured it.
    """
    # The URL itself may hold a password: only its scheme is looked at, and shown.
    scheme = url.partition("://")[0].lower() if "://" in url else ""
    known = factories()
    taking = [factory for factory in known if scheme in factory.schemes]
    if not taking:
        schemes = ", ".join(sorted({f"{name}://" for factory in known for name in factory.schemes}))
        raise LookupError(f"no driver takes the backend URL: it has to begin with one of {schemes}")
    if len(taking) > 1:
        names = " and ".join(str(factory.name) for factory in taking)
        raise LookupError(f"more than one driver takes {scheme}:// URLs: {names}")
    return taking[0]
