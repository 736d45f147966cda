"""Airing."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "archive",
        sa.Column("id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("origin_id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=True),
        sa.Column("file", sa.String(length=200), nullable=False),
        sa.Column(
            "first_tick", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False
        ),
        sa.Column("ticks", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False),
        sa.Column("missing", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False),
        sa.Column("first_unix", sa.Float(precision=53), nullable=False),
        sa.Column("removed_at", sa.Float(precision=53), nullable=True),
        sa.Column("series_id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archive")),
    )
    with op.batch_alter_table("archive", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_archive_first_unix"), ["first_unix"], unique=False)
        batch_op.create_index(op.f("ix_archive_origin_id"), ["origin_id"], unique=False)
        batch_op.create_index(op.f("ix_archive_series_id"), ["series_id"], unique=False)

    op.create_table(
        "aired",
        sa.Column("id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False),
        sa.Column("area_id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False),
        sa.Column(
            "from_tick", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False
        ),
        sa.Column("to_tick", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=True),
        sa.Column("from_unix", sa.Float(precision=53), nullable=False),
        sa.Column("to_unix", sa.Float(precision=53), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("cls", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("origin_id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=True),
        sa.Column(
            "bulletin_id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=True
        ),
        sa.Column("entry_id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=True),
        sa.Column("cue_id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=True),
        sa.Column("audio", sa.String(length=64), nullable=False),
        sa.Column("skipped", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False),
        sa.Column(
            "archive_id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=True
        ),
        sa.Column("play", sa.String(length=80), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("why", sa.String(length=60), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_aired_area_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_aired")),
    )
    with op.batch_alter_table("aired", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_aired_archive_id"), ["archive_id"], unique=False)
        batch_op.create_index("ix_aired_area_from", ["area_id", "from_unix"], unique=False)
        batch_op.create_index(op.f("ix_aired_bulletin_id"), ["bulletin_id"], unique=False)
        batch_op.create_index(op.f("ix_aired_cue_id"), ["cue_id"], unique=False)
        batch_op.create_index(op.f("ix_aired_entry_id"), ["entry_id"], unique=False)
        batch_op.create_index("ix_aired_from", ["from_unix"], unique=False)
