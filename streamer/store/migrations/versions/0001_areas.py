"""Areas, their former paths, their history and how they want things."""

import sqlalchemy as sa
from alembic import op

from loa.streamer.store.migrations.columns import Big, Float

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "area",
        sa.Column("id", Big, nullable=False),
        sa.Column("parent_id", Big, nullable=True),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("station", sa.Boolean(), nullable=False),
        sa.Column("rank", Big, nullable=False),
        sa.Column("created_at", Float, nullable=False),
        sa.Column("removed_at", Float, nullable=True),
        sa.Column("successor_id", Big, nullable=True),
        sa.Column("version", Big, nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["area.id"], name=op.f("fk_area_parent_id_area")),
        sa.ForeignKeyConstraint(
            ["successor_id"], ["area.id"], name=op.f("fk_area_successor_id_area")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area")),
    )
    op.create_index(op.f("ix_area_parent_id"), "area", ["parent_id"])
    op.create_index(
        "uq_area_path_living",
        "area",
        ["path"],
        unique=True,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )

    op.create_table(
        "area_alias",
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.Column("since", Float, nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_area_alias_area_id_area")),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_area_alias")),
    )
    op.create_index(op.f("ix_area_alias_area_id"), "area_alias", ["area_id"])

    op.create_table(
        "area_event",
        sa.Column("id", Big, nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.Column("at", Float, nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_area_event_area_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area_event")),
    )
    op.create_index(op.f("ix_area_event_area_id"), "area_event", ["area_id"])

    op.create_table(
        "area_policy",
        sa.Column("area_id", Big, nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("version", Big, nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_area_policy_area_id_area")),
        sa.PrimaryKeyConstraint("area_id", name=op.f("pk_area_policy")),
    )
