"""`porteiro why`."""

from __future__ import annotations

import json

from db.ids import new_id
from schemas.errors import PorteiroError
from tests.porteiro.cli.conftest import Run
from tests.stored import NOW, Stored, ago


def test_why_in_one_sentence_and_in_full(stored: Stored, run: Run) -> None:
    opv = stored.opv(broker="bia", team="sul", manager="paula")
    rules = [
        {"rule": "rich", "matched": False, "because": "price is absent, not gte 5"},
        {"rule": "any", "matched": True},
    ]
    said = {"rules": rules, "queue": "sul", "turn": 7, "excluded": [{"broker": "ana", "because": "present_broker"}],
            "before": ["ana", "bia"], "after": ["ana", "bia"], "missed": [{"broker": "caio", "because": "paused"}],
            "fell_back": [{"queue": "norte", "because": "queue_paused"}]}  # fmt: skip
    decision = {"opportunity_id": opv, "config_version": 1, "rule": "any", "reason": None, "part": "sales"}
    stored.insert("queue_snapshots", {
        "queue": "sul", "digest": "d", "at": NOW, "members": '[["ana",null],["bia",null],["caio","paused"]]',
    })  # fmt: skip
    stored.insert(
        "decisions",
        {**decision, "id": new_id(), "at": ago(60), "broker": None, "queue": None, "reason": "no_rule", "rule": None,
         "snapshot": None, "explanation": "{}"},
        {**decision, "id": new_id(), "at": NOW, "broker": "bia", "queue": "sul", "snapshot": "d",
         "explanation": json.dumps(said)},
    )  # fmt: skip
    shown = run("why", 1)
    assert shown.exit_code == 0, shown.output
    first, *rest = shown.stdout.splitlines()
    assert first == (
        "Bia Corretora recebeu a OPV 1 pela regra any: era a sua vez na fila sul, pois nenhuma antes dela tinha alguém."
    )
    text = "\n".join(rest)
    for words in ("rich", "a regra pede no mínimo 5", "já esteve com esta OPV", "em pausa", "Perderam a vez",
                  "Fila norte, sem ninguém", "a fila está pausada", "Outras decisões",
                  "nenhuma regra vale"):  # fmt: skip
        assert words in text
    full = json.loads(run("why", opv, "--json").stdout)
    assert (full["decided"], full["candidates"], full["turn"], len(full["earlier"])) == ("broker", ["bia"], 7, 1)
    both = json.loads(run("why", 1, "--json", "--all").stdout)
    assert [one["decided"] for one in both] == ["broker", "nobody"]
    assert "nenhuma regra vale" in run("why", 1, "--all").stdout


def test_an_opv_that_is_not_there(run: Run, stored: Stored) -> None:
    failed = run("why", 9)
    assert failed.exit_code != 0
    assert isinstance(failed.exception, PorteiroError)
    assert stored.opv()
    assert "não passou pela distribuição" in run("why", 1).stdout
