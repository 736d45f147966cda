"""Receivers' journals, and what they say was played."""

import sqlalchemy as sa
from alembic import op

from loa.streamer.store.migrations.columns import Big, Float

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "journal_chain",
        sa.Column("id", Big, nullable=False),
        sa.Column("receiver_id", Big, nullable=False),
        sa.Column("chain", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number", Big, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("began_at", Float, nullable=False),
        sa.Column("heard_at", Float, nullable=False),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["receiver.id"], name=op.f("fk_journal_chain_receiver_id_receiver")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_chain")),
        sa.UniqueConstraint("receiver_id", "chain", name=op.f("uq_journal_chain_receiver_id")),
    )

    op.create_table(
        "journal_batch",
        sa.Column("id", Big, nullable=False),
        sa.Column("receiver_id", Big, nullable=False),
        sa.Column("chain_id", Big, nullable=False),
        sa.Column("first", Big, nullable=False),
        sa.Column("last", Big, nullable=False),
        sa.Column("fresh", Big, nullable=False),
        sa.Column("before", sa.LargeBinary(length=16), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=64), nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("received_at", Float, nullable=False),
        sa.Column("lines", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["receiver.id"], name=op.f("fk_journal_batch_receiver_id_receiver")
        ),
        sa.ForeignKeyConstraint(
            ["chain_id"], ["journal_chain.id"], name=op.f("fk_journal_batch_chain_id_journal_chain")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_batch")),
    )
    op.create_index("ix_journal_batch_receiver", "journal_batch", ["receiver_id", "id"])
    op.create_index("ix_journal_batch_chain", "journal_batch", ["chain_id", "last"])
    op.create_index(op.f("ix_journal_batch_received_at"), "journal_batch", ["received_at"])

    op.create_table(
        "journal_finding",
        sa.Column("id", Big, nullable=False),
        sa.Column("receiver_id", Big, nullable=False),
        sa.Column("at", Float, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("first", Big, nullable=False),
        sa.Column("last", Big, nullable=False),
        sa.Column("why", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["receiver.id"], name=op.f("fk_journal_finding_receiver_id_receiver")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_finding")),
    )
    op.create_index(op.f("ix_journal_finding_receiver_id"), "journal_finding", ["receiver_id"])
    op.create_index(op.f("ix_journal_finding_at"), "journal_finding", ["at"])

    op.create_table(
        "play_report",
        sa.Column("id", Big, nullable=False),
        sa.Column("receiver_id", Big, nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("at", Float, nullable=False),
        sa.Column("received_at", Float, nullable=False),
        sa.Column("play", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("cls", Big, nullable=False),
        sa.Column("bulletin_id", Big, nullable=True),
        sa.Column("emergency_id", Big, nullable=True),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("audio", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=20), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("started", Float, nullable=True),
        sa.Column("from_tick", Big, nullable=False),
        sa.Column("to_tick", Big, nullable=False),
        sa.Column("delivered", Big, nullable=True),
        sa.Column("decoded", Big, nullable=True),
        sa.Column("device", Big, nullable=True),
        sa.Column("sounded", Big, nullable=True),
        sa.Column("concealed", Big, nullable=False),
        sa.Column("missed", Big, nullable=False),
        sa.Column("volume", Big, nullable=False),
        sa.Column("late_ms", Big, nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("interrupted", sa.String(length=200), nullable=False),
        sa.Column("why_not", sa.String(length=200), nullable=False),
        sa.Column("checkpoint", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["receiver.id"], name=op.f("fk_play_report_receiver_id_receiver")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_play_report")),
        sa.UniqueConstraint("receiver_id", "digest", name=op.f("uq_play_report_receiver_id")),
    )
    op.create_index("ix_play_report_receiver_at", "play_report", ["receiver_id", "at"])
    op.create_index("ix_play_report_area_at", "play_report", ["area_id", "at"])
    op.create_index("ix_play_report_at", "play_report", ["at"])
    op.create_index(op.f("ix_play_report_bulletin_id"), "play_report", ["bulletin_id"])
    op.create_index(op.f("ix_play_report_emergency_id"), "play_report", ["emergency_id"])

    op.create_table(
        "sounding",
        sa.Column("id", Big, nullable=False),
        sa.Column("receiver_id", Big, nullable=False),
        sa.Column("emergency_id", Big, nullable=False),
        sa.Column("play", sa.String(length=200), nullable=False),
        sa.Column("tick", Big, nullable=False),
        sa.Column("late_ms", Big, nullable=False),
        sa.Column("device", sa.Boolean(), nullable=True),
        sa.Column("at", Float, nullable=False),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["receiver.id"], name=op.f("fk_sounding_receiver_id_receiver")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sounding")),
        sa.UniqueConstraint("receiver_id", "play", name=op.f("uq_sounding_receiver_id")),
    )
    op.create_index(op.f("ix_sounding_emergency_id"), "sounding", ["emergency_id"])
    op.create_index(op.f("ix_sounding_at"), "sounding", ["at"])
