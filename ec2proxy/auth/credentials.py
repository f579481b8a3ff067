"""Files that the service manager hands over: systemd's credentials (systemd.exec(5), ``LoadCredential=``)."""

import os
import re
from collections.abc import Mapping

CREDENTIAL = "credential:"
"""What the name of such a file begins with, in place of a path."""

_NAME = re.compile(r"[A-Za-z0-9_@-][A-Za-z0-9._@-]*", re.ASCII)


def credential_path(text: str, environment: Mapping[str, str]) -> str:
    """The path of ``credential:NAME``.

    :raises ValueError: it is no such name, or there are no credentials.
    """
    name = text.removeprefix(CREDENTIAL)
    if not _NAME.fullmatch(name):
        raise ValueError(f"{text!r} does not name a credential")
    directory = environment.get("CREDENTIALS_DIRECTORY", "")
    if not os.path.isabs(directory):
        raise ValueError(f"{text!r}: there are no credentials, since $CREDENTIALS_DIRECTORY is not set")
    return os.path.join(directory, name)
