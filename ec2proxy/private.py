"""Files with secrets: who else may read them, and those that the service manager hands over.

systemd's credentials (systemd.exec(5), ``LoadCredential=``) are files in a directory that only the service can enter.
Where they have an access control list, their mode looks as if their group could read them; nobody else can come there.
"""

import os
import re
import stat
from collections.abc import Mapping

CREDENTIAL = "credential:"
"""What the name of such a file begins with, in place of a path."""

_NAME = re.compile(r"[A-Za-z0-9_@-][A-Za-z0-9._@-]*", re.ASCII)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def credential_path(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """The path of ``credential:NAME``.

    :raises ValueError: it is no such name, or there are no credentials.
    """
    name = text.removeprefix(CREDENTIAL)
    if not _NAME.fullmatch(name):
        raise ValueError(f"{text!r} does not name a credential")
    directory = _directory(environment)
    if not directory:
        raise ValueError(f"{text!r}: there are no credentials, since $CREDENTIALS_DIRECTORY is not set")
    return os.path.join(directory, name)


def open_to_others(path: str, mode: int, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether others than its owner have access to a file.

    :param mode: of the file itself, as :func:`os.fstat` gives it.
    """
    directory = _directory(environment)
    handed_over = directory and os.path.dirname(os.path.abspath(path)) == os.path.normpath(directory)
    return bool(mode & (_OTHERS & ~stat.S_IRGRP if handed_over else _OTHERS))


def _directory(environment: Mapping[str, str]) -> str:
    directory = environment.get("CREDENTIALS_DIRECTORY", "")
    return directory if os.path.isabs(directory) else ""
