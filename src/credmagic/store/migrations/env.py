"""What does Alembic run? Our connection, in our transaction (`migrations.upgrade`)."""

from __future__ import annotations

from alembic import context

from credmagic.store.sqlite_file import VERSION_TABLE
from credmagic.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    transactional_ddl=True,  # true on SQLite too: the driver is in autocommit mode and the BEGIN is ours
)
context.run_migrations()
