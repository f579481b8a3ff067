"""Bringing the schema of a database to what this version of ec2proxy works with."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from ec2proxy.state.errors import StateError

VERSION_TABLE = "ec2proxy_schema"
"""Not Alembic's own name for it: another program may use that in the same database."""


def migrate(connection: Connection) -> None:
    """Run the migrations that a database lacks, in the transaction that ``connection`` is in.

    The caller has made sure that no other process does so at the same time.

    :raises StateError: the database is of a newer version of ec2proxy.
    """
    config = Config()
    # Read as a format string, in which a folder's % would be one.
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    current = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
    if current is not None and current not in known:
        raise StateError(f"it was written by a newer version of ec2proxy (schema {current}): use that version")
    if current != scripts.get_current_head():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
