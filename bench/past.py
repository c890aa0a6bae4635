"""Rows of leads as distribution leaves them, or finds them, written by the database itself: as many as asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from bench.house import BenchHouse

DEVELOPMENTS, TEAM_OF = 6, 10
"""Developments, each with a team, and brokers of a team."""

_LEADS = """
CREATE TEMPORARY TABLE bench_leads ON COMMIT DROP AS
  SELECT gen_random_uuid() AS id, gen_random_uuid() AS client, gen_random_uuid() AS card, gen_random_uuid() AS decision,
    n, CAST(:begin AS timestamptz) + n * CAST(:apart AS interval) AS at,
    'd' || (n % :developments) AS development, 't' || (n % :developments) AS team,
    'm' || (n % :developments) AS manager,
    'b' || (n % :developments) * :team_of + (n / :developments) % :team_of AS broker,
    n / :developments + 1 + :team_of AS turn,
    CASE WHEN n % 10 < 7 THEN 'open' WHEN n % 10 < 9 THEN 'lost' ELSE 'won' END AS status
  FROM generate_series(0, :leads - 1) AS n
"""
_KNOWN = """
INSERT INTO clients (id, kind, name, document, phones, emails, created_at, details)
  SELECT client, 'natural', 'Pessoa Exemplo ' || n, NULL, '[]', '[]', at, '{}' FROM bench_leads
"""
_OPVS = """
INSERT INTO opportunities (id, client_id, funnel, stage, stage_seq, status, development, team, manager, broker,
    assigned_at, first_contact_at, created_at, history_seq, history_head)
  SELECT id, client, 'sales', 'new', 1, {status}, development, {owner}, at, 3, '' FROM bench_leads
"""
_CARDS = """
INSERT INTO capture_origins (id, opportunity_id, seq, client_id, source, channel, received_at, is_returning, campaign,
    medium, origin, development, price_cents, city, state, details)
  SELECT card, id, 2, client, 'form', 'site', at, false, 'campanha ' || mod(n, 7), 'cpc', 'site', development,
    mod(n, 900) * 100000, 'São Paulo', 'SP',
    '{"utm": {"source": "google"}, "answers": {"quartos": "' || mod(n, 4) || '"}}'
  FROM bench_leads
"""
_DECISIONS = """
INSERT INTO decisions (id, opportunity_id, at, config_version, rule, queue, broker, explanation)
  SELECT decision, id, at + interval '1 second', 1, 'any', 'any@' || development, broker,
    '{"rules":[{"rule":"any","matched":true}],"queue":"any@' || development || '","turn":' || turn || '}'
  FROM bench_leads
"""
_GIVEN = """
INSERT INTO assignments (id, opportunity_id, decision_id, team, manager, broker, since)
  SELECT gen_random_uuid(), id, decision, team, manager, broker, at + interval '1 second' FROM bench_leads
"""
_LOST = """
INSERT INTO withdrawals (opportunity_id, seq, at, reason, stage, broker)
  SELECT id, 3, at + interval '3 days', 'price', 'new', broker FROM bench_leads WHERE status = 'lost'
"""
_WON = """
INSERT INTO won_sales (opportunity_id, seq, at, value_cents, unit, sold_on, broker)
  SELECT id, 3, at + interval '9 days', 100, '101', current_date, broker FROM bench_leads WHERE status = 'won'
"""
_LISTED = """
INSERT INTO distribution_work (opportunity_id, since, due_at) SELECT id, at, at FROM bench_leads
"""


def house_text(queue: str, *, rules: str = "", team_of: int = TEAM_OF, of_broker: str = "") -> str:
    """A configuration with so many brokers a team, whose last rule leads to the queue; `rules` stand before it,
    `of_broker` is added to each broker."""
    brokers = [[f"b{team * team_of + n}" for n in range(team_of)] for team in range(DEVELOPMENTS)]
    people = [f"{{key: {key}, name: Corretor {key}, role: broker{of_broker}}}" for team in brokers for key in team]
    people += [f"{{key: m{team}, name: Gerente {team}, role: manager}}" for team in range(DEVELOPMENTS)]
    teams = [
        f"{{key: t{team}, name: Equipe {team}, managers: [{{person: m{team}, brokers: [{', '.join(keys)}]}}]}}"
        for team, keys in enumerate(brokers)
    ]
    developments = [f"{{key: d{n}, name: Residencial {n}, teams: [t{n}]}}" for n in range(DEVELOPMENTS)]
    return f"""
people: [{", ".join(people)}]
teams: [{", ".join(teams)}]
developments: [{", ".join(developments)}]
channels: [{{key: site, source: form, secrets: ["${{SITE_TOKEN}}"]}}]
funnel: {{stages: [{{key: new, name: Novo}}, {{key: visit, name: Visita}}]}}
withdrawal_reasons: [{{key: price, name: Preço}}]
distribution: {{rules: [{rules}{{key: any, queue: {queue}}}]}}
"""


def fill_given(it: BenchHouse, leads: int, begin: datetime, *, apart: str) -> None:
    """Leads from `begin` on, `apart` from each other (an interval), given in turns to the teams of their developments;
    two in ten were lost after three days, one sold after nine."""
    owner = "team, manager, broker, at + interval '1 second', at + interval '1 hour'"
    opvs = _OPVS.format(status="status", owner=owner)
    _fill(it, leads, begin, apart, [_KNOWN, opvs, _CARDS, _DECISIONS, _GIVEN, _LOST, _WON])


def fill_waiting(it: BenchHouse, leads: int, begin: datetime) -> None:
    """Leads on the list, all due."""
    opvs = _OPVS.format(status="'open'", owner="NULL, NULL, NULL, NULL, NULL")
    _fill(it, leads, begin, "1 millisecond", [_KNOWN, opvs, _CARDS, _LISTED])


def contents(tx: Connection) -> dict[str, str]:
    """A digest of every table's rows, whatever their order."""
    tables = [row.tablename for row in tx.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))]
    return {name: _digest(tx, name) for name in tables}


def _digest(tx: Connection, table: str) -> str:
    rows = tx.execute(
        text(f'SELECT count(*) AS count, sum(hashtextextended(t::text, 0)) AS digest FROM "{table}" AS t')
    ).one()
    return hashlib.sha256(f"{rows.count} {rows.digest}".encode()).hexdigest()


def _fill(it: BenchHouse, leads: int, begin: datetime, apart: str, statements: Sequence[str]) -> None:
    values = {
        "leads": leads, "begin": begin, "apart": apart, "developments": DEVELOPMENTS, "team_of": TEAM_OF,
    }  # fmt: skip
    with it.database.write() as tx:
        tx.execute(text(_LEADS), values)
        for statement in statements:
            tx.exec_driver_sql(statement)
    with it.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
