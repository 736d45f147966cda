"""What was aired, and the packets that were kept."""

import sqlalchemy as sa
from alembic import op

from loa.streamer.store.migrations.columns import Big, Float

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "archive",
        sa.Column("id", Big, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("origin_id", Big, nullable=True),
        sa.Column("file", sa.String(length=200), nullable=False),
        sa.Column("first_tick", Big, nullable=False),
        sa.Column("ticks", Big, nullable=False),
        sa.Column("missing", Big, nullable=False),
        sa.Column("first_unix", Float, nullable=False),
        sa.Column("removed_at", Float, nullable=True),
        sa.Column("series_id", Big, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archive")),
    )
    op.create_index(op.f("ix_archive_first_unix"), "archive", ["first_unix"])
    op.create_index(op.f("ix_archive_origin_id"), "archive", ["origin_id"])
    op.create_index(op.f("ix_archive_series_id"), "archive", ["series_id"])

    op.create_table(
        "aired",
        sa.Column("id", Big, nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.Column("from_tick", Big, nullable=False),
        sa.Column("to_tick", Big, nullable=True),
        sa.Column("from_unix", Float, nullable=False),
        sa.Column("to_unix", Float, nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("cls", Big, nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("origin_id", Big, nullable=True),
        sa.Column("bulletin_id", Big, nullable=True),
        sa.Column("entry_id", Big, nullable=True),
        sa.Column("cue_id", Big, nullable=True),
        sa.Column("audio", sa.String(length=64), nullable=False),
        sa.Column("skipped", Big, nullable=False),
        sa.Column("archive_id", Big, nullable=True),
        sa.Column("play", sa.String(length=80), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("why", sa.String(length=60), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_aired_area_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_aired")),
    )
    op.create_index(op.f("ix_aired_archive_id"), "aired", ["archive_id"])
    op.create_index("ix_aired_area_from", "aired", ["area_id", "from_unix"])
    op.create_index(op.f("ix_aired_bulletin_id"), "aired", ["bulletin_id"])
    op.create_index(op.f("ix_aired_cue_id"), "aired", ["cue_id"])
    op.create_index(op.f("ix_aired_entry_id"), "aired", ["entry_id"])
    op.create_index("ix_aired_from", "aired", ["from_unix"])
