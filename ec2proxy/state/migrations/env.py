"""What Alembic runs around the migrations: they happen on the connection, and in the transaction, that it is given."""

from alembic import context

from ec2proxy.state.migrating import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
