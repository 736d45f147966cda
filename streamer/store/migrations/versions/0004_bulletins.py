"""Bulletins, their audio, uploads and the spelling for voices."""

import sqlalchemy as sa
from alembic import op

from loa.streamer.store.migrations.columns import Big, Float

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "audio",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("ticks", Big, nullable=False),
        sa.Column("size", Big, nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("peaks", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Float, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_audio")),
    )
    op.create_table(
        "prepared",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("audio_sha256", sa.String(length=64), nullable=False),
        sa.Column("made_at", Float, nullable=False),
        sa.ForeignKeyConstraint(
            ["audio_sha256"], ["audio.sha256"], name=op.f("fk_prepared_audio_sha256_audio")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_prepared")),
    )
    op.create_index(op.f("ix_prepared_audio_sha256"), "prepared", ["audio_sha256"])

    op.create_table(
        "bulletin",
        sa.Column("id", Big, nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("cls", Big, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("sign_text", sa.String(length=200), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("spoken", sa.Text(), nullable=False),
        sa.Column("voice", sa.String(length=60), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("audio_sha256", sa.String(length=64), nullable=True),
        sa.Column("audio_state", sa.String(length=10), nullable=False),
        sa.Column("audio_error", sa.Text(), nullable=False),
        sa.Column("heard_sha256", sa.String(length=64), nullable=False),
        sa.Column("starts_at", Float, nullable=True),
        sa.Column("expires_at", Float, nullable=True),
        sa.Column("per_day", Big, nullable=False),
        sa.Column("days", Big, nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column("created_at", Float, nullable=False),
        sa.Column("created_by", Big, nullable=True),
        sa.Column("submitted_by", Big, nullable=True),
        sa.Column("version", Big, nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_bulletin_area_id_area")),
        sa.ForeignKeyConstraint(
            ["audio_sha256"], ["audio.sha256"], name=op.f("fk_bulletin_audio_sha256_audio")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["account.id"], name=op.f("fk_bulletin_created_by_account")
        ),
        sa.ForeignKeyConstraint(
            ["submitted_by"], ["account.id"], name=op.f("fk_bulletin_submitted_by_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulletin")),
    )
    op.create_index(op.f("ix_bulletin_area_id"), "bulletin", ["area_id"])
    op.create_index(op.f("ix_bulletin_audio_sha256"), "bulletin", ["audio_sha256"])
    op.create_index(op.f("ix_bulletin_audio_state"), "bulletin", ["audio_state"])
    op.create_index(op.f("ix_bulletin_state"), "bulletin", ["state"])

    op.create_table(
        "spelling",
        sa.Column("id", Big, nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("written", sa.String(length=60), nullable=False),
        sa.Column("spoken", sa.String(length=200), nullable=False),
        sa.Column("version", Big, nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_spelling_area_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spelling")),
        sa.UniqueConstraint("area_id", "language", "written", name=op.f("uq_spelling_area_id")),
    )
    op.create_index(op.f("ix_spelling_area_id"), "spelling", ["area_id"])

    op.create_table(
        "upload",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", Big, nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("size", Big, nullable=False),
        sa.Column("created_at", Float, nullable=False),
        sa.Column("expires_at", Float, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_upload_account_id_account")
        ),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_upload_area_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
    )
    op.create_index(op.f("ix_upload_account_id"), "upload", ["account_id"])

    op.create_table(
        "bulletin_event",
        sa.Column("id", Big, nullable=False),
        sa.Column("bulletin_id", Big, nullable=False),
        sa.Column("at", Float, nullable=False),
        sa.Column("account_id", Big, nullable=True),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bulletin_id"], ["bulletin.id"], name=op.f("fk_bulletin_event_bulletin_id_bulletin")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulletin_event")),
    )
    op.create_index(op.f("ix_bulletin_event_bulletin_id"), "bulletin_event", ["bulletin_id"])

    op.create_table(
        "bulletin_target",
        sa.Column("bulletin_id", Big, nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.ForeignKeyConstraint(
            ["area_id"], ["area.id"], name=op.f("fk_bulletin_target_area_id_area")
        ),
        sa.ForeignKeyConstraint(
            ["bulletin_id"], ["bulletin.id"], name=op.f("fk_bulletin_target_bulletin_id_bulletin")
        ),
        sa.PrimaryKeyConstraint("bulletin_id", "area_id", name=op.f("pk_bulletin_target")),
    )
    op.create_index(op.f("ix_bulletin_target_area_id"), "bulletin_target", ["area_id"])
