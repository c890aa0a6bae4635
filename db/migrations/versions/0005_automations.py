"""Automations: runs that wait, how automations do, schedules; statuses, tags and fields of OPVs."""

import sqlalchemy as sa
from alembic import op

from db.models.base import UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("stage_status", "tags", "fields"):
        op.add_column("opportunities", sa.Column(name, sa.String(), nullable=True))
    op.add_column("pending_items", sa.Column("questionnaire", sa.String(), nullable=True))
    op.add_column("timers", sa.Column("chain", sa.Text(), server_default=sa.text("''"), nullable=False))
    for column in (
        sa.Column("trigger", sa.String(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=True),
        sa.Column("stage", sa.String(), nullable=True),
        sa.Column("chain", sa.String(), nullable=True),
        sa.Column("todo", sa.String(), nullable=True),
        sa.Column("waited_seq", sa.Integer(), nullable=True),
        sa.Column("rechecks", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("finished_at", UtcTime(), nullable=True),
        sa.Column("asked_by", sa.String(), nullable=True),
        sa.Column("due_at", UtcTime(), nullable=True),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
    ):
        op.add_column("automation_runs", column)
    op.create_index("ix_automation_runs_automation_id", "automation_runs", ["automation", "id"])
    waiting = sa.text("due_at IS NOT NULL")
    op.create_index(
        "ix_automation_runs_due_at", "automation_runs", ["due_at"], postgresql_where=waiting, sqlite_where=waiting
    )
    stopped = sa.text("result IN ('cut', 'failed', 'paused')")
    op.create_index(
        "ix_automation_runs_stopped", "automation_runs", ["result", "automation", "id"],
        postgresql_where=stopped, sqlite_where=stopped,
    )  # fmt: skip
    op.add_column("outbound_messages", sa.Column("read_at", UtcTime(), nullable=True))
    own = sa.text("target = 'log'")
    op.create_index(
        "ix_outbound_messages_recipient_id",
        "outbound_messages",
        ["recipient", "id"],
        postgresql_where=own,
        sqlite_where=own,
    )
    op.create_table(
        "automation_states",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("activated_at", UtcTime(), nullable=False),
        sa.Column("paused_at", UtcTime(), nullable=True),
        sa.Column("paused_by", sa.String(), nullable=True),
        sa.Column("because", sa.String(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failed_at", UtcTime(), nullable=True),
        sa.Column("window_at", UtcTime(), nullable=True),
        sa.Column("window_runs", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_automation_states")),
    )
    op.create_table(
        "schedules",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=True),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", UtcTime(), nullable=True),
        sa.Column("planned_at", UtcTime(), nullable=True),
        sa.Column("started_at", UtcTime(), nullable=True),
        sa.Column("cursor", sa.Uuid(), nullable=True),
        sa.Column("seen", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("matched", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_schedules")),
    )
    op.create_index("ix_schedules_due_at", "schedules", ["due_at"])
    op.create_table(
        "scheduled_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("automation", sa.Text(), nullable=False),
        sa.Column("planned_at", UtcTime(), nullable=False),
        sa.Column("started_at", UtcTime(), nullable=True),
        sa.Column("finished_at", UtcTime(), nullable=True),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduled_runs")),
        sa.UniqueConstraint("automation", "planned_at", name=op.f("uq_scheduled_runs_automation_planned_at")),
    )
    of_emails = sa.text("kind = 'email'")
    op.create_index(
        "ix_contact_keys_email",
        "contact_keys",
        ["value"],
        postgresql_where=of_emails,
        postgresql_ops={"value": "text_pattern_ops"},
        sqlite_where=of_emails,
    )
