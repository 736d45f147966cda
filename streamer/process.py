"""What the process asks of the system at start."""

from __future__ import annotations

import resource

BACKLOG = 4096
"""The listen backlog: ten thousand listeners come back at once after a power cut."""


def raise_descriptor_limit() -> int:
    """Raise the limit of open descriptors to the hard limit; return what it is now.

    A listener costs one. Never raises: where it cannot be raised, it stays.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            return soft
    return hard
