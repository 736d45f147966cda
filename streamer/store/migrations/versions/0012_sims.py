"""SIMs, tariffs, the data that was used, and areas without a network."""

import sqlalchemy as sa
from alembic import op

from loa.streamer.store.migrations.columns import Big, Float

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "tariff",
        sa.Column("id", Big, nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("operator", sa.String(length=60), nullable=False),
        sa.Column("package_bytes", Big, nullable=False),
        sa.Column("package_price", Float, nullable=False),
        sa.Column("megabyte_price", Float, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("version", Big, nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_tariff_area_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff")),
    )
    op.create_index(op.f("ix_tariff_area_id"), "tariff", ["area_id"])

    op.create_table(
        "sim",
        sa.Column("id", Big, nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.Column("iccid", sa.String(length=22), nullable=False),
        sa.Column("operator", sa.String(length=60), nullable=False),
        sa.Column("number", sa.String(length=30), nullable=False),
        sa.Column("tariff_id", Big, nullable=True),
        sa.Column("quota_bytes", Big, nullable=True),
        sa.Column("cycle", sa.String(length=10), nullable=False),
        sa.Column("cycle_day", Big, nullable=False),
        sa.Column("cycle_days", Big, nullable=False),
        sa.Column("cycle_from", sa.String(length=10), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("installed_on", sa.String(length=10), nullable=True),
        sa.Column("handed_over_on", sa.String(length=10), nullable=True),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("receiver_id", Big, nullable=True),
        sa.Column("warned_cycle", sa.String(length=10), nullable=False),
        sa.Column("warned", sa.JSON(), nullable=False),
        sa.Column("cached_only", sa.Boolean(), nullable=False),
        sa.Column("created_at", Float, nullable=False),
        sa.Column("version", Big, nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_sim_area_id_area")),
        sa.ForeignKeyConstraint(["tariff_id"], ["tariff.id"], name=op.f("fk_sim_tariff_id_tariff")),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["receiver.id"], name=op.f("fk_sim_receiver_id_receiver")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sim")),
        sa.UniqueConstraint("iccid", name=op.f("uq_sim_iccid")),
        sa.UniqueConstraint("receiver_id", name=op.f("uq_sim_receiver_id")),
    )
    op.create_index(op.f("ix_sim_area_id"), "sim", ["area_id"])

    op.create_table(
        "sim_place",
        sa.Column("id", Big, nullable=False),
        sa.Column("sim_id", Big, nullable=False),
        sa.Column("receiver_id", Big, nullable=False),
        sa.Column("since", Float, nullable=False),
        sa.Column("until", Float, nullable=True),
        sa.Column("how", sa.String(length=10), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["sim_id"], ["sim.id"], name=op.f("fk_sim_place_sim_id_sim")),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["receiver.id"], name=op.f("fk_sim_place_receiver_id_receiver")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sim_place")),
    )
    op.create_index(op.f("ix_sim_place_receiver_id"), "sim_place", ["receiver_id"])
    op.create_index(op.f("ix_sim_place_sim_id"), "sim_place", ["sim_id"])

    op.create_table(
        "data_day",
        sa.Column("id", Big, nullable=False),
        sa.Column("receiver_id", Big, nullable=False),
        sa.Column("sim_id", Big, nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("modem_received", Big, nullable=False),
        sa.Column("modem_sent", Big, nullable=False),
        sa.Column("sent", Big, nullable=False),
        sa.Column("received", Big, nullable=False),
        sa.Column("overhead", Big, nullable=False),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["receiver.id"], name=op.f("fk_data_day_receiver_id_receiver")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_day")),
        sa.UniqueConstraint("receiver_id", "sim_id", "day", name=op.f("uq_data_day_receiver_id")),
    )
    op.create_index(op.f("ix_data_day_day"), "data_day", ["day"])
    op.create_index("ix_data_day_sim_id_day", "data_day", ["sim_id", "day"])

    op.create_table(
        "data_counter",
        sa.Column("receiver_id", Big, nullable=False, autoincrement=False),
        sa.Column("epoch", Big, nullable=False),
        sa.Column("received", Big, nullable=False),
        sa.Column("sent", Big, nullable=False),
        sa.Column("before", Big, nullable=False),
        sa.Column("at", Float, nullable=False),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["receiver.id"], name=op.f("fk_data_counter_receiver_id_receiver")
        ),
        sa.PrimaryKeyConstraint("receiver_id", name=op.f("pk_data_counter")),
    )

    op.create_table(
        "dead_zone",
        sa.Column("area_id", Big, nullable=False, autoincrement=False),
        sa.Column("since", Float, nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_dead_zone_area_id_area")),
        sa.PrimaryKeyConstraint("area_id", name=op.f("pk_dead_zone")),
    )
