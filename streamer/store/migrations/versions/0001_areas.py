"""Areas."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "area",
        sa.Column("id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False),
        sa.Column("parent_id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("station", sa.Boolean(), nullable=False),
        sa.Column("rank", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("removed_at", sa.Float(precision=53), nullable=True),
        sa.Column(
            "successor_id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=True
        ),
        sa.Column("version", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["area.id"], name=op.f("fk_area_parent_id_area")),
        sa.ForeignKeyConstraint(
            ["successor_id"], ["area.id"], name=op.f("fk_area_successor_id_area")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area")),
    )
    with op.batch_alter_table("area", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_area_parent_id"), ["parent_id"], unique=False)
        batch_op.create_index(
            "uq_area_path_living",
            ["path"],
            unique=True,
            sqlite_where=sa.text("removed_at IS NULL"),
            postgresql_where=sa.text("removed_at IS NULL"),
        )

    op.create_table(
        "area_alias",
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.Column("area_id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False),
        sa.Column("since", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_area_alias_area_id_area")),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_area_alias")),
    )
    with op.batch_alter_table("area_alias", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_area_alias_area_id"), ["area_id"], unique=False)

    op.create_table(
        "area_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False),
        sa.Column("area_id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False),
        sa.Column("at", sa.Float(precision=53), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_area_event_area_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area_event")),
    )
    with op.batch_alter_table("area_event", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_area_event_area_id"), ["area_id"], unique=False)

    op.create_table(
        "area_policy",
        sa.Column("area_id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_area_policy_area_id_area")),
        sa.PrimaryKeyConstraint("area_id", name=op.f("pk_area_policy")),
    )
