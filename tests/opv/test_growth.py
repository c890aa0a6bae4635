"""What a lead costs must not grow with what is stored: no statement of the hot path reads a whole table."""

from __future__ import annotations

from sqlalchemy import text

from tests.pipeline import Pipeline, Start, lead

STORED = 20_000
FILL = f"""
INSERT INTO submissions (id, delivery_id, position, channel, namespace, key, state, outcome, created_at)
  SELECT gen_random_uuid(), gen_random_uuid(), 0, 1, 'channel:site', 'old-' || n, 'done', 'captured', now()
  FROM generate_series(1, {STORED}) AS n;
INSERT INTO contact_keys (kind, value, client_id, names)
  SELECT 'phone', '+5511' || (900000000 + n), gen_random_uuid(), '[]' FROM generate_series(1, {STORED}) AS n;
INSERT INTO unmapped (id, field, value, channel, count, first_at, last_at)
  SELECT gen_random_uuid(), 'listing', 'old-' || n, 'zap', 1, now(), now() FROM generate_series(1, {STORED}) AS n
"""
TABLES = ("submissions", "contact_keys", "unmapped", "clients", "opportunities", "capture_origins", "deliveries")


def whole_reads(house: Pipeline) -> dict[str, int]:
    """Sequential scans of the tables so far. A closed connection has told what it did."""
    house.database.dispose()
    statement = text("SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname = ANY(:tables)")
    with house.database.read() as tx:
        tx.execute(text("SELECT pg_stat_clear_snapshot()"))
        found = {row.relname: row.seq_scan for row in tx.execute(statement, {"tables": list(TABLES)})}
    house.database.dispose()
    return found


def test_repeats_and_known_people_are_found_by_index(start_on_postgresql: Start) -> None:
    house = start_on_postgresql()
    house.execute(*FILL.split(";\n"))
    house.deliver_all([("site", lead(n)) for n in range(300)])  # people and OPVs to come back to
    house.run()
    house.execute("ANALYZE")
    before = whole_reads(house)
    again = [("site", lead(1)), ("site", lead(2, id="again", empreendimento="Torre Azul"))]
    anonymous = {key: value for key, value in lead(3).items() if key != "id"}
    house.deliver_all([*again, ("site", anonymous), ("site", anonymous)])
    house.run("ingest", "distribution", "automation", "outbound")
    assert sorted(house.delivered())[-2:] == ["repeated", "repeated"]
    after = whole_reads(house)
    small = {
        "clients",
        "opportunities",
        "capture_origins",
        "deliveries",
    }  # a few hundred rows: a plan may read them all
    grown = {name for name in after if after[name] > before[name]} - small
    assert grown == set()
