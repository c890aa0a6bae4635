"""Distribution: offers, acceptance, returns, snapshots of queues, availability, excluded pairs, what brokers have."""

import sqlalchemy as sa
from alembic import op

from db.models.base import UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "queue_snapshots",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("queue", "digest", name=op.f("pk_queue_snapshots")),
    )
    op.create_table(
        "availability",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("stand", sa.String(), nullable=True),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("until", UtcTime(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_availability")),
    )
    op.create_table(
        "paused_queues",
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("queue", name=op.f("pk_paused_queues")),
    )
    op.create_table(
        "excluded_pairs",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("broker", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "broker", name=op.f("pk_excluded_pairs")),
    )
    for column in (
        sa.Column("part", sa.Text(), server_default=sa.text("'sales'"), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("broker", sa.String(), nullable=True),
        sa.Column("queue", sa.String(), nullable=True),
        sa.Column("rule", sa.String(), nullable=True),
        sa.Column("hops", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("prefer_at", UtcTime(), nullable=True),
    ):
        op.add_column("distribution_work", column)
    reasoned = sa.text("reason IS NOT NULL")
    op.create_index(
        "ix_distribution_work_reason",
        "distribution_work",
        ["reason"],
        postgresql_where=reasoned,
        sqlite_where=reasoned,
    )
    invalid = sa.text("kind = 'invalid' AND state = 'granted'")
    op.create_index(
        "ix_transfer_requests_invalid",
        "transfer_requests",
        ["asked_by"],
        postgresql_where=invalid,
        sqlite_where=invalid,
    )
    op.add_column("decisions", sa.Column("part", sa.Text(), server_default=sa.text("'sales'"), nullable=False))
    op.add_column("decisions", sa.Column("snapshot", sa.String(), nullable=True))
    op.add_column("queue_members", sa.Column("owed", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("queue_members", sa.Column("balance", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    named = sa.text("broker IS NOT NULL")
    op.create_index(
        "ix_assignments_broker_since", "assignments", ["broker", "since"], postgresql_where=named, sqlite_where=named
    )
    held = sa.text("status = 'open' AND broker IS NOT NULL")
    op.create_index(
        "ix_opportunities_open_broker",
        "opportunities",
        ["broker", "first_contact_at"],
        postgresql_where=held,
        sqlite_where=held,
    )
