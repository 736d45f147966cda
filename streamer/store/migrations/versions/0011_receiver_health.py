"""How receivers are and were, and what was told about it."""

import sqlalchemy as sa
from alembic import op

from loa.streamer.store.migrations.columns import Big, Float

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "receiver_health",
        sa.Column("receiver_id", Big, nullable=False, autoincrement=False),
        sa.Column("seen_at", Float, nullable=False),
        sa.Column("reported_at", Float, nullable=True),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.Column("troubles", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["receiver.id"], name=op.f("fk_receiver_health_receiver_id_receiver")
        ),
        sa.PrimaryKeyConstraint("receiver_id", name=op.f("pk_receiver_health")),
    )

    op.create_table(
        "health_report",
        sa.Column("id", Big, nullable=False),
        sa.Column("receiver_id", Big, nullable=False),
        sa.Column("at", Float, nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["receiver.id"], name=op.f("fk_health_report_receiver_id_receiver")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_health_report")),
    )
    op.create_index(op.f("ix_health_report_at"), "health_report", ["at"])
    op.create_index("ix_health_report_receiver_id_at", "health_report", ["receiver_id", "at"])

    op.create_table(
        "health_hour",
        sa.Column("receiver_id", Big, nullable=False, autoincrement=False),
        sa.Column("hour", Big, nullable=False, autoincrement=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["receiver.id"], name=op.f("fk_health_hour_receiver_id_receiver")
        ),
        sa.PrimaryKeyConstraint("receiver_id", "hour", name=op.f("pk_health_hour")),
    )
    op.create_index(op.f("ix_health_hour_hour"), "health_hour", ["hour"])

    op.create_table(
        "alert",
        sa.Column("id", Big, nullable=False, autoincrement=False),
        sa.Column("trouble", sa.String(length=20), nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.Column("together", sa.Boolean(), nullable=False),
        sa.Column("receivers", sa.JSON(), nullable=False),
        sa.Column("missing", sa.JSON(), nullable=False),
        sa.Column("began_at", Float, nullable=False),
        sa.Column("told_at", Float, nullable=False),
        sa.Column("back_at", Float, nullable=True),
        sa.Column("ended_at", Float, nullable=True),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_alert_area_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index(op.f("ix_alert_area_id"), "alert", ["area_id"])
    op.create_index(op.f("ix_alert_ended_at"), "alert", ["ended_at"])
