"""What a database says became of a day of traffic, compared with the ground truth: exactly, one difference a line."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, text

from bench.senders import UNASSIGNED
from bench.traffic import Label, Truth
from db.models import DeliveryOutcome, Outcome
from db.queries.history import chains
from db.queries.work import undistributed_by_reason
from opv.history import verify

_SUBMISSIONS = """
SELECT c.key, d.sha256, s.outcome, s.reason
FROM submissions s JOIN deliveries d ON d.id = s.delivery_id JOIN channels c ON c.id = d.channel
"""
_DELIVERIES = "SELECT c.key, d.sha256, d.outcome FROM deliveries d JOIN channels c ON c.id = d.channel"
_CARDS = """
SELECT o.channel, d.sha256, p.phones, o.opportunity_id, s.outcome
FROM capture_origins o JOIN clients p ON p.id = o.client_id JOIN submissions s ON s.id = o.submission_id
JOIN deliveries d ON d.id = o.delivery_id AND d.id = s.delivery_id
"""
_TALKS = """
SELECT c.key, d.sha256, p.phones, e.opportunity_id, s.opportunity_id
FROM history_entries e JOIN submissions s ON s.delivery_id = CAST(e.data::json ->> 'delivery' AS uuid)
JOIN deliveries d ON d.id = s.delivery_id JOIN channels c ON c.id = d.channel
JOIN opportunities o ON o.id = e.opportunity_id JOIN clients p ON p.id = o.client_id
WHERE e.kind IN ('message.received', 'call.received')
"""
_OPVS = """
SELECT o.id, p.phones, o.broker, w.reason,
       (SELECT count(*) FROM assignments a WHERE a.opportunity_id = o.id),
       (SELECT count(*) FROM automation_runs r WHERE r.opportunity_id = o.id AND r.result = 'done')
FROM opportunities o JOIN clients p ON p.id = o.client_id
LEFT JOIN distribution_work w ON w.opportunity_id = o.id
"""
_OUTCOMES = "SELECT outcome, reason, count(*) FROM submissions GROUP BY outcome, reason"
_REFUSED = "SELECT c.key, r.count FROM channel_refusals r JOIN channels c ON c.id = r.channel"


def expected_outcomes(truth: Truth) -> Counter[str]:
    """How many submissions must end in each outcome, with the reason."""
    counts: Counter[str] = Counter()
    for expected in truth.outcomes.values():
        counts.update(expected)
    return counts


def outcomes(tx: Connection) -> Counter[str]:
    """How many submissions ended in each outcome, with the reason."""
    return Counter({_with_reason(outcome, reason): times for outcome, reason, times in tx.execute(text(_OUTCOMES))})


def refused(tx: Connection) -> Counter[str]:
    """Refused requests counted so far, by channel. The web process writes them about once a second."""
    counts: Counter[str] = Counter()
    for channel, times in tx.execute(text(_REFUSED)):
        counts[channel] += times
    return counts


def differences(tx: Connection, truth: Truth) -> Iterator[str]:
    """Every place where the database says otherwise than the truth."""
    yield from _of_deliveries(tx, truth)
    yield from _compare("refused requests of", truth.refused, refused(tx))
    cards = list(tx.execute(text(_CARDS)))
    talks = list(tx.execute(text(_TALKS)))
    found = Counter((_label(truth, row[0], row[1]), row[2]) for row in cards)
    yield from _compare("cards of", _phones(truth.cards), found)
    found = Counter((_label(truth, row[0], row[1]), row[2]) for row in talks)
    yield from _compare("entries of messages and calls of", _phones(truth.talks), found)
    yield from (f"card of {row[0]}: its submission is {row[4]}" for row in cards if row[4] != Outcome.CAPTURED)
    yield from (f"message of {row[0]}: its submission is on another OPV" for row in talks if row[3] != row[4])
    yield from _of_opvs(tx, truth)
    faults = (f"history: {fault}" for c in chains(tx) for fault in verify(c.opv, c.seq, c.head, c.entries))
    yield from faults


def _of_deliveries(tx: Connection, truth: Truth) -> Iterator[str]:
    expected = {(label, outcome): n for label, found in truth.outcomes.items() for outcome, n in found.items()}
    found = Counter(
        (_label(truth, channel, digest), _with_reason(outcome, reason))
        for channel, digest, outcome, reason in tx.execute(text(_SUBMISSIONS))
    )
    yield from _compare("submissions", expected, found)
    alone = Counter[tuple[Label, str]]()
    for (label, outcome), times in expected.items():
        alone[label, outcome.partition(" ")[0]] += times
    found = Counter(
        (_label(truth, channel, digest), DeliveryOutcome(outcome).outcome.value)
        for channel, digest, outcome in tx.execute(text(_DELIVERIES))
    )
    yield from _compare("deliveries", alone, found)


def _of_opvs(tx: Connection, truth: Truth) -> Iterator[str]:
    """One client and one OPV a person; with a broker, or on the list with the reason."""
    channels: defaultdict[str, set[str]] = defaultdict(set)
    for (channel, _), phone in truth.cards.items():
        channels[_only(phone)].add(channel)
    rows = list(tx.execute(text(_OPVS)))
    each_once = Counter(channels.keys())
    yield from _compare("OPVs of", each_once, Counter(row[1] for row in rows))
    clients = Counter(row[0] for row in tx.execute(text("SELECT phones FROM clients")))
    yield from _compare("clients of", each_once, clients)
    waiting = 0
    for opv, phones, broker, reason, assignments, runs in rows:
        of = channels.get(phones, set())
        waiting += broker is None
        # Who came by that channel and by others has a broker when another lead was there at the time.
        right = of != {UNASSIGNED} if broker else UNASSIGNED in of
        listed = (broker is None) == (reason is not None)
        if not right or not listed or assignments != runs or assignments != (broker is not None):
            owner = "a broker" if broker else f"nobody ({reason})"
            yield f"OPV {opv} of {sorted(of)}: {owner}, {assignments} assignments, {runs} runs"
    yield from _compare("undistributed OPVs", {"no_rule": waiting}, undistributed_by_reason(tx))


def _label(truth: Truth, channel: str, digest: Any) -> Label:
    return truth.labels.get((channel, bytes(digest)), (channel, "of nobody's sending"))


def _with_reason(outcome: str, reason: str | None) -> str:
    return f"{outcome} {reason or ''}".strip()


def _only(phone: str) -> str:
    """A client's phones as stored, when there is one."""
    return json.dumps([phone])


def _phones(expected: Mapping[Label, str]) -> Counter[tuple[Label, str]]:
    return Counter((label, _only(phone)) for label, phone in expected.items())


def _compare(what: str, expected: Mapping[Any, int], found: Mapping[Any, int]) -> Iterator[str]:
    for key in expected.keys() | found.keys():
        if expected.get(key, 0) != found.get(key, 0):
            yield f"{what} {key}: {found.get(key, 0)} instead of {expected.get(key, 0)}"
