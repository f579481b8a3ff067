"""Files with secrets: who else may read them, and those that the service manager hands over.

systemd's credentials (systemd.exec(5), ``LoadCredential=``) are files in a directory that only the service can enter.
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


def open_to_others(file: os.stat_result, reader: int | None = None) -> bool:
    """Whether others than they should have access to a file: any but its owner, and a group that it was given to.

    The group may read it where another owns it, root say, who let us have it so: the group is the way by which we have
    it. That is how Kubernetes hands secrets over (``fsGroup``), and how systemd's access control lists look.

    :param file: of the file itself, as :func:`os.fstat` gives it.
    :param reader: our user, the process's by default.
    """
    ours = file.st_uid == (os.geteuid() if reader is None else reader)
    return bool(file.st_mode & (_OTHERS if ours else _OTHERS & ~stat.S_IRGRP))


def _directory(environment: Mapping[str, str]) -> str:
    directory = environment.get("CREDENTIALS_DIRECTORY", "")
    return directory if os.path.isabs(directory) else ""
