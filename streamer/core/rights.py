"""Who may do what where: classes, roles and permissions, and the one place where they are checked.

A role is granted on an area and holds for everything below it. Secrets of sources are long and
random or chosen by an administrator and checked with a rate limit before this; only their SHA-256
is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from loa.streamer.core.areas import Area, AreaTree


class BulletinClass(IntEnum):
    """The classes of what is put on air, by rank (Circular 39/2020)."""

    ROUTINE = 0
    PRIORITY = 1
    EMERGENCY = 2


class Permission(StrEnum):
    """What can be allowed; also the scopes of API tokens."""

    READ = "read"
    BULLETIN_EDIT = "bulletin.edit"
    """Make bulletins, change and submit them."""
    BULLETIN_APPROVE = "bulletin.approve"
    """Approve and reject bulletins, and withdraw approved ones."""
    QUEUE = "queue"
    """Put into the queue, order, accept and decline."""
    SCHEDULE = "schedule"
    """Slots and holidays."""
    LIVE = "live"
    """Go live, and stop what is on air."""
    EMERGENCY = "emergency"
    """Call, confirm, stop and correct emergencies."""
    AREAS = "areas"
    """Change the tree."""
    POLICY = "policy"
    """Hours, limits and standing decisions."""
    PEOPLE = "people"
    """Accounts, roles, tokens of others."""
    AUDIT = "audit"
    """Read the audit log."""
    RECEIVERS = "receivers"
    """Enrol receivers and revoke them, command and set them; SIMs, tariffs and equipment."""
    SYSTEM = "system"
    """Webhooks."""


class Role(StrEnum):
    """What is granted to people, on an area."""

    VIEWER = "viewer"
    EDITOR = "editor"
    APPROVER = "approver"
    BROADCASTER = "broadcaster"
    TECHNICIAN = "technician"
    """Puts up receivers and looks after them."""
    ADMINISTRATOR = "administrator"
    EMERGENCY = "emergency"
    """The right to call emergencies: beside another role, for no role but administrator has it."""


_P = Permission
_EDITOR = frozenset({_P.READ, _P.BULLETIN_EDIT, _P.QUEUE})
PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({_P.READ}),
    Role.EDITOR: _EDITOR,
    Role.APPROVER: _EDITOR | {_P.BULLETIN_APPROVE},
    Role.BROADCASTER: _EDITOR | {_P.SCHEDULE, _P.LIVE},
    Role.TECHNICIAN: frozenset({_P.READ, _P.RECEIVERS}),
    Role.ADMINISTRATOR: frozenset(Permission),
    Role.EMERGENCY: frozenset({_P.READ, _P.EMERGENCY}),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A role on the area with this id, and on everything below it."""

    area: int
    role: Role


@dataclass(frozen=True, slots=True)
class Rights:
    """What somebody may do. ``scopes`` and ``within`` narrow it down, for an API token.

    ``within``: the id of an area, None for no limit.
    """

    grants: tuple[Grant, ...] = ()
    scopes: frozenset[Permission] = frozenset(Permission)
    within: int | None = None

    def allow(self, permission: Permission, area: Area, tree: AreaTree) -> bool:
        """Say whether ``permission`` is given on ``area``, by a grant there or above."""
        if permission not in self.scopes:
            return False
        above = {a.id for a in tree.lineage(area)}
        if self.within is not None and self.within not in above:
            return False
        return any(
            grant.area in above and permission in PERMISSIONS[grant.role] for grant in self.grants
        )

    def areas(self, permission: Permission, tree: AreaTree) -> list[Area]:
        """Return the areas on which ``permission`` is given, parents before children."""
        return tree.within(self._spans(permission, tree))

    def anywhere(self, permission: Permission, tree: AreaTree) -> bool:
        """Say whether ``permission`` is given on any area."""
        return bool(self._spans(permission, tree))

    def _spans(self, permission: Permission, tree: AreaTree) -> list[tuple[int, int]]:
        if permission not in self.scopes:
            return []
        low, high = 0, len(tree)
        if self.within is not None:
            limit = tree.get(self.within)
            low, high = (0, 0) if limit is None else tree.span(limit)
        found = []
        for grant in self.grants:
            area = tree.get(grant.area)
            if area is not None and permission in PERMISSIONS[grant.role]:
                first, end = tree.span(area)
                first, end = max(first, low), min(end, high)
                if first < end:
                    found.append((first, end))
        return found


@dataclass(frozen=True, slots=True)
class SourceToken:
    """The right to go live on ``area`` (a path) and every area below it, with one fixed class."""

    sha256: str
    area: str
    cls: BulletinClass = BulletinClass.ROUTINE


def digest(secret: str) -> str:
    """Return the SHA-256 of a secret in hex, as tokens keep it."""
    return hashlib.sha256(secret.encode()).hexdigest()
