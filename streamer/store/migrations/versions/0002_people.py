"""Accounts, roles, sessions and tokens."""

import sqlalchemy as sa
from alembic import op

from loa.streamer.store.migrations.columns import Big, Float

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", Big, nullable=False),
        sa.Column("login", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password", sa.String(length=300), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("created_at", Float, nullable=False),
        sa.Column("version", Big, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("login", name=op.f("uq_account_login")),
    )
    op.create_table(
        "api_token",
        sa.Column("id", Big, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("account_id", Big, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("area_id", Big, nullable=True),
        sa.Column("created_at", Float, nullable=False),
        sa.Column("expires_at", Float, nullable=False),
        sa.Column("used_at", Float, nullable=True),
        sa.Column("revoked_at", Float, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_api_token_account_id_account")
        ),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_api_token_area_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("sha256", name=op.f("uq_api_token_sha256")),
    )
    op.create_index(op.f("ix_api_token_account_id"), "api_token", ["account_id"])

    op.create_table(
        "role_grant",
        sa.Column("id", Big, nullable=False),
        sa.Column("account_id", Big, nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("created_at", Float, nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_role_grant_account_id_account")
        ),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_role_grant_area_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grant")),
        sa.UniqueConstraint("account_id", "area_id", "role", name=op.f("uq_role_grant_account_id")),
    )
    op.create_index(op.f("ix_role_grant_account_id"), "role_grant", ["account_id"])
    op.create_index(op.f("ix_role_grant_area_id"), "role_grant", ["area_id"])

    op.create_table(
        "session",
        sa.Column("id", Big, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("account_id", Big, nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("created_at", Float, nullable=False),
        sa.Column("seen_at", Float, nullable=False),
        sa.Column("expires_at", Float, nullable=False),
        sa.Column("peer", sa.String(length=100), nullable=False),
        sa.Column("agent", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_session_account_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.UniqueConstraint("sha256", name=op.f("uq_session_sha256")),
    )
    op.create_index(op.f("ix_session_account_id"), "session", ["account_id"])

    op.create_table(
        "source_token",
        sa.Column("id", Big, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("area_id", Big, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("cls", Big, nullable=False),
        sa.Column("targets", sa.JSON(), nullable=True),
        sa.Column("created_at", Float, nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("expires_at", Float, nullable=True),
        sa.Column("revoked_at", Float, nullable=True),
        sa.ForeignKeyConstraint(
            ["area_id"], ["area.id"], name=op.f("fk_source_token_area_id_area")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_token")),
        sa.UniqueConstraint("sha256", name=op.f("uq_source_token_sha256")),
    )
    op.create_index(op.f("ix_source_token_area_id"), "source_token", ["area_id"])
