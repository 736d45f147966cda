"""Slots, holidays and queues."""

import sqlalchemy as sa
from alembic import op

from loa.streamer.store.migrations.columns import Big, Float

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "holiday",
        sa.Column("id", Big, nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.Column("date", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_holiday_area_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holiday")),
        sa.UniqueConstraint("area_id", "date", name=op.f("uq_holiday_area_id")),
    )
    op.create_index(op.f("ix_holiday_area_id"), "holiday", ["area_id"])

    op.create_table(
        "slot",
        sa.Column("id", Big, nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("first", sa.String(length=16), nullable=False),
        sa.Column("minutes", Big, nullable=False),
        sa.Column("rrule", sa.String(length=300), nullable=False),
        sa.Column("content", sa.String(length=10), nullable=False),
        sa.Column("relay", sa.Text(), nullable=False),
        sa.Column("relay_alternative", sa.Text(), nullable=False),
        sa.Column("exceptions", sa.JSON(), nullable=False),
        sa.Column("on_holidays", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("version", Big, nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_slot_area_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slot")),
    )
    op.create_index(op.f("ix_slot_area_id"), "slot", ["area_id"])

    op.create_table(
        "queue_entry",
        sa.Column("id", Big, nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.Column("bulletin_id", Big, nullable=False),
        sa.Column("origin", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("targets", sa.JSON(), nullable=True),
        sa.Column("position", Float, nullable=False),
        sa.Column("per_day", Big, nullable=False),
        sa.Column("days", Big, nullable=False),
        sa.Column("not_before", Float, nullable=True),
        sa.Column("expires_at", Float, nullable=True),
        sa.Column("added_at", Float, nullable=False),
        sa.Column("added_by", sa.String(length=200), nullable=False),
        sa.Column("version", Big, nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_queue_entry_area_id_area")),
        sa.ForeignKeyConstraint(
            ["bulletin_id"], ["bulletin.id"], name=op.f("fk_queue_entry_bulletin_id_bulletin")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_entry")),
    )
    op.create_index(op.f("ix_queue_entry_area_id"), "queue_entry", ["area_id"])
    op.create_index(op.f("ix_queue_entry_bulletin_id"), "queue_entry", ["bulletin_id"])
