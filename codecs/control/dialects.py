"""The versions of the protocol that are spoken: what a session's messages look like in each.

How a session begins (``Challenge``, ``Hello``, ``Enrol``, ``Enrolled``, ``Welcome``, ``Refused``)
is the same in all versions, for ever, for by it the version is agreed upon. Everything after
``Welcome`` is read and written by the session's dialect. When version 2 comes, what was different
in version 1 is written down here as a dialect of its own, and ``messages.VERSION`` follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from loa.codecs.control import messages
from loa.codecs.control.messages import FromBox, FromServer, Message


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one version writes and reads messages. The readers raise ``MessageError``."""

    version: int
    encode: Callable[[Message], bytes]
    from_box: Callable[[bytes | str], FromBox]
    from_server: Callable[[bytes | str], FromServer]


NEWEST = Dialect(messages.VERSION, messages.encode, messages.from_box, messages.from_server)
DIALECTS: Mapping[int, Dialect] = {NEWEST.version: NEWEST}
"""By version. Two at most: this one and the one before."""


def common(ours: Mapping[int, Dialect], oldest: int, newest: int) -> Dialect | None:
    """Return the newest of ours that lies within what the other side speaks, None without one."""
    spoken = [version for version in ours if oldest <= version <= newest]
    return ours[max(spoken)] if spoken else None
