"""What all tables share: how time, values and versions are kept.

Time of day is kept as Unix seconds (float, UTC): it sorts and compares alike in both databases and
needs no time zone. Places on the timeline are ticks. What people edit has a ``version`` that every
change raises: whoever edits says which one he saw (``If-Match``), and the second of two is told.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Float, MetaData
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import DeclarativeBase

# SQLite makes keys by itself only for INTEGER.
Big = BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


class Base(DeclarativeBase):
    """The base of all tables; constraints have names, so that migrations can change them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    # Several places of ours keep small documents that are read and written whole.
    type_annotation_map = {  # noqa: RUF012
        dict[str, Any]: JSON,
        list[int]: JSON,
        list[str]: JSON,
        float: Float(53),
        int: Big,
    }
