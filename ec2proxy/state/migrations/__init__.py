"""The history of the schema, for Alembic. :mod:`ec2proxy.state.migrating` runs it when the store is opened."""
