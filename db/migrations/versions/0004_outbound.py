"""Outbound: how destinations do, and who put a parked message back."""

import sqlalchemy as sa
from alembic import op

from db.models.base import UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "destinations",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("openings", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("opened_at", UtcTime(), nullable=True),
        sa.Column("open_until", UtcTime(), nullable=True),
        sa.Column("probed_until", UtcTime(), nullable=True),
        sa.Column("succeeded_at", UtcTime(), nullable=True),
        sa.Column("failed_at", UtcTime(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_destinations")),
    )
    op.add_column("outbound_messages", sa.Column("replayed_at", UtcTime(), nullable=True))
    op.add_column("outbound_messages", sa.Column("replayed_by", sa.String(), nullable=True))
