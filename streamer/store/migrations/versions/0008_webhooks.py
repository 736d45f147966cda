"""Webhooks and what they are to be told."""

import sqlalchemy as sa
from alembic import op

from loa.streamer.store.migrations.columns import Big, Float

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", Big, nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.String(length=100), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", Float, nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("version", Big, nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_webhook_area_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    op.create_index(op.f("ix_webhook_area_id"), "webhook", ["area_id"])

    op.create_table(
        "webhook_delivery",
        sa.Column("id", Big, nullable=False),
        sa.Column("webhook_id", Big, nullable=False),
        sa.Column("created_at", Float, nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", Big, nullable=False),
        sa.Column("next_at", Float, nullable=False),
        sa.Column("tried_at", Float, nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhook.id"], name=op.f("fk_webhook_delivery_webhook_id_webhook")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
    )
    op.create_index(op.f("ix_webhook_delivery_next_at"), "webhook_delivery", ["next_at"])
    op.create_index(op.f("ix_webhook_delivery_state"), "webhook_delivery", ["state"])
    op.create_index(op.f("ix_webhook_delivery_webhook_id"), "webhook_delivery", ["webhook_id"])
