"""What Alembic runs: migrations on the connection that ``store.migrate`` hands over."""

from __future__ import annotations

from alembic import context

from loa.streamer.store.tables import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
