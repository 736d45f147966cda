"""Receivers and the codes that they are enrolled by."""

import sqlalchemy as sa
from alembic import op

from loa.streamer.store.migrations.columns import Big, Float

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "receiver",
        sa.Column("id", Big, nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=True),
        sa.Column("next_key", sa.LargeBinary(length=32), nullable=True),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("settings_version", Big, nullable=False),
        sa.Column("settings_digest", sa.String(length=64), nullable=False),
        sa.Column("orders", Big, nullable=False),
        sa.Column("horns", Big, nullable=False),
        sa.Column("serial", sa.String(length=200), nullable=False),
        sa.Column("hardware", sa.String(length=200), nullable=False),
        sa.Column("software", sa.String(length=200), nullable=False),
        sa.Column("latitude", Float, nullable=True),
        sa.Column("longitude", Float, nullable=True),
        sa.Column("installed_at", Float, nullable=True),
        sa.Column("handed_over_at", Float, nullable=True),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("created_at", Float, nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("enrolled_at", Float, nullable=True),
        sa.Column("revoked_at", Float, nullable=True),
        sa.Column("seen_at", Float, nullable=True),
        sa.Column("peer", sa.String(length=100), nullable=False),
        sa.Column("version", Big, nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_receiver_area_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receiver")),
    )
    op.create_index(op.f("ix_receiver_area_id"), "receiver", ["area_id"])

    op.create_table(
        "enrolment",
        sa.Column("id", Big, nullable=False),
        sa.Column("receiver_id", Big, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", Float, nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("expires_at", Float, nullable=False),
        sa.Column("used_at", Float, nullable=True),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["receiver.id"], name=op.f("fk_enrolment_receiver_id_receiver")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment")),
        sa.UniqueConstraint("sha256", name=op.f("uq_enrolment_sha256")),
    )
    op.create_index(op.f("ix_enrolment_receiver_id"), "enrolment", ["receiver_id"])
