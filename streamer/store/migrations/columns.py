"""Types of columns as migrations write them, one for both databases.

They are as they were when a migration was written: a type that is to be another gets a name of its
own here, and nothing of what is here ever changes.
"""

from __future__ import annotations

import sqlalchemy as sa

# SQLite makes keys by itself only for INTEGER.
Big = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
Float = sa.Float(precision=53)
