"""What every picker promises, under whatever happens to its queue."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from opv.distribution.pickers import STRATEGIES, Closed, Line, Pick, Turns
from tests.opv.distribution.pickers.stored import AWAY, AWAY_FOR_LONG, MISFIT, StoredQueue

BROKERS = [f"b{n}" for n in range(6)]
TEAMS = {broker: f"t{n % 3}" for n, broker in enumerate(BROKERS)}
SHARES = {"t0": 3, "t1": 2, "t2": 1}
WEIGHTS = {"b0": 10, "b1": 3, "b2": 2, "b3": 2}
BY_LOAD = {"least_open", "least_recent", "most_room"}

brokers = st.sampled_from(BROKERS)
leads = st.tuples(st.just("lead"), st.sets(brokers, max_size=3) | st.just(set()))
events = leads | leads | leads | st.tuples(st.sampled_from(["give_back", "serve"]), brokers)


class AnyQueue(RuleBasedStateMachine):
    """Batches of leads, some that do not fit everybody; absences, turns given back and taken, other rosters."""

    @initialize(
        strategy=st.sampled_from(sorted(STRATEGIES)),
        missed=st.sampled_from(["keep", "skip", "credit"]),
        two_steps=st.booleans(),
        roster=st.permutations(BROKERS),
    )
    def begin(self, strategy: str, missed: Any, two_steps: bool, roster: list[str]) -> None:
        teams: dict[str, Any] = {"teams": TEAMS, "team_shares": SHARES} if two_steps else {}
        self.queue = StoredQueue(Line("q", strategy, tuple(roster), missed, WEIGHTS, room=4, **teams))
        self.away: dict[str, Closed] = {}
        self.served: list[str] = []
        self.since = dict.fromkeys(roster, 0)
        """Picks before each member entered, was last left out, was owed a turn or served out of turn."""
        self.was_owed = False
        self.waiting = dict.fromkeys(roster, 0)
        """Turns in the line that others had since each member was served, entered or was last left out."""

    @rule(roster=st.lists(brokers, unique=True))
    def change_roster(self, roster: list[str]) -> None:
        self.queue.line = Line(**vars(self.queue.line) | {"brokers": tuple(roster)})
        self.since = {b: self.since.get(b, len(self.served)) for b in roster}
        self.waiting = {b: self.waiting.get(b, 0) for b in roster}

    @rule(broker=brokers, why=st.sampled_from([AWAY, AWAY_FOR_LONG, None]))
    def go_or_come(self, broker: str, why: Closed | None) -> None:
        self.away.pop(broker, None)
        if why:
            self.away[broker] = why

    @rule(batch=st.lists(events, min_size=1, max_size=20))
    def work(self, batch: list[tuple[str, Any]]) -> None:
        """The same in one batch, and in as many batches as there are events: it makes no difference."""
        alone = self.queue.copy()
        turns = self.queue.read()
        asked: list[str] = []
        picks = [self._happen(self.queue, turns, event, asked) for event in batch]
        self.queue.write(turns)
        for long_away in (b for b, why in self.away.items() if why.lasting):
            assert asked.count(long_away) <= 1
        for event, expected in zip(batch, picks, strict=True):
            turns = alone.read()
            owed = {b: m.owed for b, m in turns.members.items()}
            pick = self._happen(alone, turns, event, [])
            assert pick.broker == expected.broker
            assert pick.turn == expected.turn
            if event[0] == "lead":
                made_good = pick.broker is not None and turns.members[pick.broker].owed < owed.get(pick.broker, 0)
                self._note(pick, made_good)
            elif event[1] in self.since:
                self.since[event[1]] = len(self.served)
                self.waiting[event[1]] = 0
            alone.write(turns)
        assert alone.rows == self.queue.rows
        assert alone.turn == self.queue.turn

    def _happen(self, queue: StoredQueue, turns: Turns, event: tuple[str, Any], asked: list[str]) -> Pick:
        what, about = event
        turn = turns.turn
        if what == "give_back":
            turns.give_back(about)
            return Pick(None, turns.turn)
        if what == "serve":
            assert turns.serve(about) == turn + 1
            return Pick(None, turns.turn)
        before = {b: repr(m) for b, m in turns.members.items()}
        asked_now: list[str] = []

        def closed_to(broker: str) -> Closed | None:
            asked_now.append(broker)
            return self.away.get(broker) or (MISFIT if broker in about else None)

        pick = queue.pick(turns, closed_to)
        asked += asked_now
        roster = queue.line.brokers
        left_out = [broker for broker, _ in pick.excluded]
        assert len(set(left_out)) == len(left_out)
        assert len(set(asked_now)) == len(asked_now)
        assert {b for b, _ in pick.missed} <= self.away.keys() | {"@t0", "@t1", "@t2"}
        if pick.broker is None:
            assert pick.turn == turn
            assert {b for b in left_out if b[0] != "@"} == set(roster)
            assert before == {b: repr(m) for b, m in turns.members.items()}
        else:
            assert pick.turn == turn + 1
            assert pick.broker in set(roster) - self.away.keys() - about
            assert pick.team == (TEAMS[pick.broker] if queue.line.team_shares else None)
            assert set(pick.before + pick.after) <= set(roster)
            assert max(len(pick.before), len(pick.after)) <= 5
        return pick

    def _note(self, pick: Pick, made_good: bool) -> None:
        if pick.broker is None:
            return
        again = self.served[-1:] == [pick.broker]
        owed, self.was_owed = made_good or self.was_owed, made_good
        if again and not owed and self.queue.line.strategy == "round_robin" and not self.queue.line.team_shares:
            others = set(self.queue.line.brokers) - {pick.broker} - {b for b, _ in pick.excluded}
            assert not [b for b in others - self.away.keys() if self.since[b] < len(self.served)]
        self.served.append(pick.broker)
        left_out = {broker for broker, _ in pick.excluded} | self.away.keys()
        for broker in self.queue.line.brokers:
            self.waiting[broker] += not made_good
            if broker in left_out or (made_good and broker == pick.broker):
                self.since[broker] = len(self.served)
            if broker in left_out or broker == pick.broker:
                self.waiting[broker] = 0

    @invariant()
    def counts_of_those_who_were_there_all_along_keep_the_bound(self) -> None:
        line = self.queue.line if hasattr(self, "queue") else None
        if line is None or line.strategy in BY_LOAD:
            return
        for one, other in combinations(line.brokers, 2):
            if line.team_shares and TEAMS[one] != TEAMS[other]:
                continue
            both = self.served[max(self.since[one], self.since[other]) :]
            counts = both.count(one), both.count(other)
            if line.strategy == "weighted":
                shares = WEIGHTS.get(one, 1), WEIGHTS.get(other, 1)
                assert abs(counts[0] / shares[0] - counts[1] / shares[1]) <= 2 / shares[0] + 2 / shares[1]
            else:
                assert abs(counts[0] - counts[1]) <= (2 if line.strategy == "draw" else 1)

    @invariant()
    def nobody_starves(self) -> None:
        line = self.queue.line if hasattr(self, "queue") else None
        if line is None or line.team_shares or line.strategy in BY_LOAD:
            return
        for broker in line.brokers:
            if line.strategy == "weighted":
                round_ = sum(WEIGHTS.get(b, 1) for b in BROKERS) / WEIGHTS.get(broker, 1)
            else:
                round_ = len(BROKERS)
            assert self.waiting[broker] <= 2 * round_

    @invariant()
    def owed_turns_are_few(self) -> None:
        if hasattr(self, "queue"):
            assert all(0 <= m.owed <= 10 for m in self.queue.rows.values())


AnyQueue.TestCase.settings = settings(max_examples=150, stateful_step_count=20, deadline=None)
TestAnyQueue = AnyQueue.TestCase
