"""The stamps of scopes and what was changed lately, as :mod:`ec2proxy.state.changes` tells of them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables; a scope without a stamp has not been changed since."""
    op.create_table(
        "ec2proxy_stamps",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("stamp", sa.Text, nullable=False),
    )
    op.create_table(
        "ec2proxy_changes",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("stamp", sa.Text, nullable=False),
        sa.Column("names", sa.Text, nullable=False, comment="JSON: [[kind, key], ...]; empty for too many"),
    )
