"""Memory that several processes share."""

import os
import tempfile


def shared_memory(name: str, size: int) -> int:
    """Memory, all zero; it lives as long as a process has it open or mapped.

    :param name: for who looks at a process's descriptors.
    :param size: in bytes.
    :returns: its descriptor, for this process and those that inherit it; whoever has it lets go of it by closing it.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create(name)
    else:  # pragma: no cover  # not Linux
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor
