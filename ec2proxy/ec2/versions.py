"""The API version that a client asks for."""

import re
from datetime import date

from ec2proxy.ec2.errors import invalid_value

#: What is spoken to a client that names no version: the one of Deltacloud's own EC2 frontend.
DEFAULT = "2012-04-01"

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def checked(version: str | None) -> str:
    """The version to answer in. Any date is taken, since only the namespace depends on it.

    :param version: the ``Version`` parameter; None or empty when there is none.
    :raises EC2Error: ``InvalidParameterValue``, it is not a date.
    """
    if not version:
        return DEFAULT
    try:
        if _DATE.fullmatch(version):
            date.fromisoformat(version)
            return version
    except ValueError:
        pass
    raise invalid_value("Version", version, "A date, YYYY-MM-DD, is expected.")
