"""The tables, by topic. Importing this package knows them all (migrations and tests need that)."""

from loa.streamer.store.tables import (
    airing,
    areas,
    audit,
    bulletins,
    cues,
    people,
    proof,
    receiver_health,
    receiver_orders,
    receivers,
    schedule,
    sims,
    webhooks,
)
from loa.streamer.store.tables.base import Base

__all__ = [
    "Base",
    "airing",
    "areas",
    "audit",
    "bulletins",
    "cues",
    "people",
    "proof",
    "receiver_health",
    "receiver_orders",
    "receivers",
    "schedule",
    "sims",
    "webhooks",
]
