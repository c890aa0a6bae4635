"""Messages and targets as directors and operations look at them."""

from __future__ import annotations

import pytest

from opv.house import House, build_house
from schemas.config import Configuration
from schemas.target import ConfiguredTarget
from tests.stored import CONFIGURATION, NOW, ago
from tests.web.api.conftest import Served


@pytest.fixture
def in_force() -> House:
    """The house with targets."""
    targets = {key: ConfiguredTarget(key, "webhook", None) for key in ("calmo", "mudo", "painel")}
    return build_house(1, Configuration.model_validate(CONFIGURATION), {}, targets)


def test_messages_are_listed_narrowed_and_shown(served: Served) -> None:
    store = served.stored
    opv = store.opv()
    first = store.message(opportunity_id=opv)
    store.message(reason="gone", kind="told")
    store.message(target="mudo", state="pending", reason="no_answer", due_at=NOW)
    store.message(target="mudo", state="sent", reason=None)

    def found(query: str) -> int:
        return len(served.items(f"/api/v1/outbound?{query}", "olga"))

    counts = {
        "": 4, "state=parked": 2, "state=parked&reason=gone": 1, "target=mudo": 2, "kind=told": 1, f"opv={opv}": 1,
        "opv=1": 1, "opv=77": 0,
    }  # fmt: skip
    assert {query: found(query) for query in counts} == counts
    page = served.call("/api/v1/outbound?limit=3").json()
    rest = served.call("/api/v1/outbound", params={"limit": 3, "cursor": page["next"]}).json()
    assert [one["id"] for one in rest["items"]] == [str(first)]
    shown = served.call(f"/api/v1/outbound/{first}").json()
    assert (shown["body"], shown["no_replay"], shown["opv"]) == ('{"opv": 1}', None, str(opv))
    assert served.call(f"/api/v1/outbound/{first}", "olga").json()["body"] == '{"opv": 9}'
    assert served.call("/api/v1/outbound/nonsense").status_code == 404


def test_replay_wakes_the_step_and_names_who_did_it(served: Served) -> None:
    store = served.stored
    one, sale = store.message(), store.message(kind="sale_process")
    store.message(target="mudo")
    answer = served.call(f"/api/v1/outbound/{one}/replay", "olga", "POST")
    assert (answer.status_code, answer.json()["state"], answer.json()["replayed_by"]) == (202, "pending", "olga")
    assert served.woken == ["outbound"]
    for id_, reason in ((one, "not_parked"), (sale, "asked_on_the_opv")):
        refused = served.call(f"/api/v1/outbound/{id_}/replay", "rui", "POST")
        assert (refused.status_code, refused.json()["reason"]) == (409, reason)
    assert served.call("/api/v1/outbound/replay", "rui", "POST", json={}).status_code == 422
    bulk = served.call("/api/v1/outbound/replay", "rui", "POST", json={"reason": "http_404"})
    assert (bulk.status_code, bulk.json()) == (202, {"messages": 1, "more": False, "left": 1})


def test_targets_tell_how_they_do_and_so_do_metrics(served: Served) -> None:
    store = served.stored
    state = {"openings": 0, "opened_at": None, "open_until": None, "probed_until": None, "reason": None}
    store.insert(
        "destinations",
        {"key": "calmo", **state, "failures": 1, "succeeded_at": ago(60), "failed_at": ago(0), "reason": "http_503"},
        {
            **state, "key": "mudo", "failures": 9, "succeeded_at": None, "failed_at": ago(0), "reason": "no_answer",
            "openings": 3, "opened_at": ago(400), "open_until": ago(-120),
        },
    )  # fmt: skip
    store.message(target="mudo", state="pending", due_at=NOW, created_at=ago(500))
    store.message(target="mudo", state="pending", due_at=NOW)
    store.message(target="mudo")
    items = {one["key"]: one for one in served.items("/api/v1/targets", "olga")}
    assert {key: (one["state"], one["failures"], one["pending"], one["parked"]) for key, one in items.items()} == {
        "calmo": ("failing", 1, 0, 0), "mudo": ("open", 9, 2, 1), "painel": ("ok", 0, 0, 0),
    }  # fmt: skip
    assert items["mudo"]["oldest_pending_at"] < items["mudo"]["opened_at"] < items["mudo"]["open_until"]
    assert (items["mudo"]["last_success_at"], items["mudo"]["last_failure"]) == (None, "no_answer")
    metrics = served.call("/metrics", None).text.splitlines()
    for line in (
        'porteiro_target_open{target="mudo"} 1.0',
        'porteiro_target_open{target="calmo"} 0.0',
        'porteiro_target_failures{target="calmo"} 1.0',
        'porteiro_target_pending{target="mudo"} 2.0',
        'porteiro_target_parked{target="mudo"} 1.0',
    ):
        assert line in metrics
