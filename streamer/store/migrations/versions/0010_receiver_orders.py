"""Commands to receivers, and how areas want them to behave."""

import sqlalchemy as sa
from alembic import op

from loa.streamer.store.migrations.columns import Big, Float

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "receiver_order",
        sa.Column("id", Big, nullable=False),
        sa.Column("receiver_id", Big, nullable=False),
        sa.Column("number", Big, nullable=False),
        sa.Column("action", sa.JSON(), nullable=False),
        sa.Column("issued_at", Float, nullable=False),
        sa.Column("issued_by", sa.String(length=200), nullable=False),
        sa.Column("expires_at", Float, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("changed_at", Float, nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["receiver.id"], name=op.f("fk_receiver_order_receiver_id_receiver")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receiver_order")),
        sa.UniqueConstraint("receiver_id", "number", name=op.f("uq_receiver_order_receiver_id")),
    )
    op.create_index(op.f("ix_receiver_order_receiver_id"), "receiver_order", ["receiver_id"])
    op.create_index("ix_receiver_order_state", "receiver_order", ["state"])

    op.create_table(
        "area_receivers",
        sa.Column("area_id", Big, nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("version", Big, nullable=False),
        sa.ForeignKeyConstraint(
            ["area_id"], ["area.id"], name=op.f("fk_area_receivers_area_id_area")
        ),
        sa.PrimaryKeyConstraint("area_id", name=op.f("pk_area_receivers")),
    )
