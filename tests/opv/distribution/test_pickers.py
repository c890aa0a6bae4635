"""The round robin's promise, under whatever happens to its roster."""

from __future__ import annotations

from itertools import combinations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from opv.distribution.pickers import Member, RoundRobin

BROKERS = [f"b{n}" for n in range(6)]


class Turns(RuleBasedStateMachine):
    """Batches of picks from one queue, whose members are written and read back between them."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = 0
        self.stored: list[Member] = []
        self.roster: list[str] = []
        self.closed: set[str] = set()
        self.served: list[str] = []
        self.since: dict[str, int] = {}
        """Picks before each present member entered, came back or was last left out."""

    @initialize(roster=st.permutations(BROKERS).map(lambda order: order[:4]))
    def begin(self, roster: list[str]) -> None:
        self.roster = roster

    @rule(roster=st.lists(st.sampled_from(BROKERS), unique=True))
    def change_roster(self, roster: list[str]) -> None:
        self.roster = roster

    @rule(broker=st.sampled_from(BROKERS))
    def close_or_open(self, broker: str) -> None:
        self.closed ^= {broker}

    @rule(picks=st.integers(1, 9))
    def batch(self, picks: int) -> None:
        queue = queue_of(self.stored, self.turn, self.roster)
        assert queue.candidates == self.roster
        self.since = {broker: self.since.get(broker, len(self.served)) for broker in self.roster}
        for _ in range(picks):
            self.pick(queue)
        self.turn = queue.turn
        self.stored = list(({m.broker: m for m in self.stored} | {m.broker: m for m in queue.changes()}).values())

    def pick(self, queue: RoundRobin) -> None:
        pick = queue.pick(lambda broker: "closed" if broker in self.closed else None)
        left_out = [broker for broker, _ in pick.excluded]
        assert self.closed.issuperset(left_out)
        if pick.broker is None:
            assert self.closed.issuperset(self.roster)
            return
        assert pick.broker in self.roster
        assert pick.broker not in self.closed
        self.served.append(pick.broker)
        self.since |= dict.fromkeys(left_out, len(self.served))

    @invariant()
    def counts_of_those_who_were_there_all_along_differ_by_at_most_one(self) -> None:
        for one, other in combinations(self.since, 2):
            both = self.served[max(self.since[one], self.since[other]) :]
            assert abs(both.count(one) - both.count(other)) <= 1

    @invariant()
    def a_member_is_stored_once_with_a_turn_of_its_own(self) -> None:
        assert len({m.broker for m in self.stored}) == len(self.stored)
        turns = [m.last_turn for m in self.stored if m.active]
        assert len(set(turns)) == len(turns)
        assert sum(m.served for m in self.stored) == len(self.served)


Turns.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestTurns = Turns.TestCase


def queue_of(stored: list[Member], turn: int, roster: list[str]) -> RoundRobin:
    return RoundRobin(
        "q", turn, [Member(m.broker, m.last_turn, m.served, m.position, m.active) for m in stored], roster
    )


def test_coming_back_neither_floods_nor_resets() -> None:
    everybody, without_a = ["a", "b", "c"], ["b", "c"]
    queue = queue_of([], 0, everybody)
    served = [queue.pick(lambda _: None).broker for _ in range(4)]
    queue = queue_of(list(queue.members.values()), queue.turn, without_a)
    served += [queue.pick(lambda _: None).broker for _ in range(40)]
    queue = queue_of(list(queue.members.values()), queue.turn, [*everybody, "d"])
    served += [queue.pick(lambda _: None).broker for _ in range(8)]
    assert "".join(map(str, served[:8])) == "abcabcbc"
    assert "".join(map(str, served[44:])) == "bcadbcad"
    assert {m.broker: m.served for m in queue.members.values()} == {"a": 4, "b": 23, "c": 23, "d": 2}


def test_who_is_left_out_keeps_the_place() -> None:
    queue = queue_of([], 0, ["a", "b", "c"])
    first = queue.pick(lambda broker: "inactive" if broker == "a" else None)
    assert (first.broker, first.turn, first.excluded) == ("b", 4, [("a", "inactive")])
    assert [queue.pick(lambda _: None).broker for _ in range(3)] == ["a", "c", "b"]
    nobody = queue.pick(lambda _: "inactive")
    assert (nobody.broker, nobody.turn, len(nobody.excluded)) == (None, 7, 3)
