"""Emergencies that were called."""

import sqlalchemy as sa
from alembic import op

from loa.streamer.store.migrations.columns import Big, Float

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "cue",
        sa.Column("id", Big, nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.Column("bulletin_id", Big, nullable=False),
        sa.Column("audio_sha256", sa.String(length=64), nullable=False),
        sa.Column("severity", Big, nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("targets", sa.JSON(), nullable=False),
        sa.Column("excluded", sa.JSON(), nullable=False),
        sa.Column("every", Float, nullable=False),
        sa.Column("repeat_until", Float, nullable=True),
        sa.Column("starts_at", Float, nullable=False),
        sa.Column("expires_at", Float, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("override", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("called_at", Float, nullable=False),
        sa.Column("called_by", Big, nullable=True),
        sa.Column("caller", sa.String(length=200), nullable=False),
        sa.Column("confirmed_at", Float, nullable=True),
        sa.Column("confirmed_by", Big, nullable=True),
        sa.Column("confirmer", sa.String(length=200), nullable=False),
        sa.Column("stopped_at", Float, nullable=True),
        sa.Column("stopped_by", sa.String(length=200), nullable=False),
        sa.Column("corrected_by", Big, nullable=True),
        sa.Column("version", Big, nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_cue_area_id_area")),
        sa.ForeignKeyConstraint(
            ["audio_sha256"], ["audio.sha256"], name=op.f("fk_cue_audio_sha256_audio")
        ),
        sa.ForeignKeyConstraint(
            ["bulletin_id"], ["bulletin.id"], name=op.f("fk_cue_bulletin_id_bulletin")
        ),
        sa.ForeignKeyConstraint(
            ["called_by"], ["account.id"], name=op.f("fk_cue_called_by_account")
        ),
        sa.ForeignKeyConstraint(
            ["confirmed_by"], ["account.id"], name=op.f("fk_cue_confirmed_by_account")
        ),
        sa.ForeignKeyConstraint(["corrected_by"], ["cue.id"], name=op.f("fk_cue_corrected_by_cue")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cue")),
    )
    op.create_index(op.f("ix_cue_area_id"), "cue", ["area_id"])
    op.create_index(op.f("ix_cue_state"), "cue", ["state"])
