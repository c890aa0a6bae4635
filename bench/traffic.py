"""A day of mixed traffic, planned from a seed, and what must come of every request: the ground truth.

The day has two parts, and between them all work comes to rest. Within a part requests are out of order, repeats and
leads of returning persons race with each other, and what is promised holds whatever comes first. What depends on an
order (a message of a person who has an OPV goes into its history; an id that comes again with another person's data
is a conflict) is about what the first part brought.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from random import Random

from bench import load
from bench.people import person
from bench.senders import CHATS, DENIED_PATTERN, TALKS, TESTS, WITHOUT_EMAIL, WITHOUT_ID, Person, Senders, Sent

SHARES = {"junk": 0.05, "test": 0.02, "again": 0.10, "resigned": 0.05, "returning": 0.12}
"""Parts of all deliveries; the others are leads of new persons."""
LATER = {**SHARES, "conflict": 0.01}
"""The same in the second part of the day."""
FORGED = 0.01
"""Requests that are refused, besides the deliveries."""
CONNECTIONS = 16

JITTER = 60.0
"""Requests within which the order is lost."""
PATIENCE = 100.0
"""Requests after which a sender repeats the same bytes, in the mean: minutes at most, since some sign the time."""
DENIED = [person(90_000_000 + number) for number in range(20)]
"""Persons whose phone (the first half) or e-mail (the second half) is denied."""

Label = tuple[str, str]
"""A submission: its channel, and what the plan calls it."""
Build = Callable[[], Sent]


@dataclass
class Truth:
    """What must be found when all is done. An outcome stands with its reason, as `parked no_contact`."""

    statuses: Counter[int] = field(default_factory=Counter)
    outcomes: defaultdict[Label, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    cards: dict[Label, str] = field(default_factory=dict)
    """The phone of the client of each capture card."""
    talks: dict[Label, str] = field(default_factory=dict)
    """The phone of the client of each message and call that went into a history."""
    refused: Counter[str] = field(default_factory=Counter)
    """Requests by channel."""
    labels: dict[tuple[str, bytes], Label] = field(default_factory=dict)
    """The submission in a body, by channel and SHA-256."""


@dataclass(frozen=True, eq=False, slots=True)
class Event:
    """A request and its place in the day."""

    order: float
    label: Label
    build: Build


@dataclass(frozen=True, slots=True)
class Captured:
    """A lead that is captured, and may be sent again."""

    event: Event
    number: int
    person: Person

    @property
    def channel(self) -> str:
        """Of the lead."""
        return self.event.label[0]


class Day:
    """So many deliveries, and what is refused besides; the same for the same seed. `senders` make the requests."""

    def __init__(self, deliveries: int, senders: Senders, seed: int = 1) -> None:
        self.truth = Truth()
        self._senders = senders
        self._random = Random(seed)  # noqa: S311 - a plan, no secret
        self._numbers, self._junked = count(1), count()
        self._junk = self._kinds_of_junk()
        self._add = {
            "new": self._add_new, "returning": self._add_returning, "again": self._add_again, "test": self._add_test,
            "resigned": self._add_resigned, "conflict": self._add_conflict, "junk": self._add_junk,
            "forged": self._add_forged,
        }  # fmt: skip
        self._earlier: list[Captured] = []
        """Leads of the first part that have an id."""
        self._here: list[Captured] = []
        """Leads of this part; of these, in the next two, those that have an id and those whose person may return."""
        self._identified: list[Captured] = []
        self._returnable: list[Captured] = []
        self._events: list[Event] = []
        self._order = 0
        half = deliveries // 2
        self.parts = [self._part(half, SHARES), self._part(deliveries - half, LATER)]

    def run(self, port: int, rest: Callable[[], None]) -> Counter[int]:
        """Posts the day to a web process, and waits for `rest` after each part. The answers by status."""
        statuses: Counter[int] = Counter()
        for part in self.parts:
            statuses.update(load.run(port, self._requests(part, port), connections=CONNECTIONS).statuses)
            rest()
        return statuses

    def _requests(self, part: Sequence[Event], port: int) -> Iterator[bytes]:
        """Requests, made when they are sent, since some sign the time. The same build is the same bytes."""
        left, kept = Counter(event.build for event in part), dict[Build, Sent]()
        for event in part:
            sent = kept.pop(event.build, None) or event.build()
            left[event.build] -= 1
            if left[event.build]:
                kept[event.build] = sent
            channel = event.label[0]
            known = self.truth.labels.setdefault((channel, hashlib.sha256(sent.body).digest()), event.label)
            assert known == event.label, f"{event.label} has the bytes of {known}"
            yield load.post("127.0.0.1", port, f"/hooks/{channel}", sent.headers, sent.body)

    def _part(self, deliveries: int, shares: dict[str, float]) -> list[Event]:
        deck = [kind for kind, share in shares.items() for _ in range(round(share * deliveries))]
        new = ["new"] * (deliveries - len(deck))
        begin = 2 * len(self._senders.channels)  # before that there is little to repeat
        deck += [*new[begin:], *["forged"] * round(FORGED * deliveries)]
        self._random.shuffle(deck)
        self._events, self._here, self._identified, self._returnable = [], [], [], []
        for kind in [*new[:begin], *deck]:
            self._order += 1
            self._add[kind]()
        self._earlier = self._identified
        self.truth.statuses[200] += deliveries
        return sorted(self._events, key=lambda event: event.order)

    def _add_new(self) -> None:
        number = next(self._numbers)
        channel = self._senders.channels[number % len(self._senders.channels)]
        has_id = channel != "cv_crm" or self._random.random() < 0.5
        build = self._senders.lead if has_id else self._senders.without_id
        who = person(number)
        lead = self._capture(number, who, self._event(channel, number, partial(build, channel, number, who)))
        if has_id:
            self._identified.append(lead)
        # Whichever of a chat and another lead came first would decide whether the message is a card.
        if channel not in TALKS:
            self._returnable.append(lead)

    def _add_returning(self) -> None:
        """A person's next lead, perhaps with a phone that lacks its ninth digit."""
        number = next(self._numbers)
        before = self._random.choice((self._earlier, self._returnable)) or self._returnable
        channels = self._senders.channels if before is self._earlier else self._senders.cards
        channel, who = self._random.choice(channels), self._random.choice(before).person
        phone = who["phone"] if self._random.random() < 0.5 else who["phone"][:5] + who["phone"][6:]
        build = partial(self._senders.lead, channel, number, {**who, "phone": phone})
        lead = self._capture(number, who, self._event(channel, number, build), is_talk=channel in TALKS)
        self._identified.append(lead)

    def _add_again(self) -> None:
        """The same bytes once more, not long after."""
        event = self._random.choice(self._here[-300:]).event
        again = Event(event.order + self._random.expovariate(1 / PATIENCE), event.label, event.build)
        self._expect("repeated", again)

    def _add_resigned(self) -> None:
        """The same submission signed anew, under the channel's other secret."""
        lead = self._random.choice(self._random.choice((self._earlier, self._identified)) or self._identified)
        build = partial(self._senders.lead, lead.channel, lead.number, lead.person, secret=1)
        self._expect("repeated", self._event(lead.channel, lead.number, build))

    def _add_conflict(self) -> None:
        """An id that came before, with the data of a person who never comes otherwise."""
        lead = self._random.choice(self._earlier)
        while lead.channel in self._senders.pointing | WITHOUT_ID:
            lead = self._random.choice(self._earlier)
        build = partial(self._senders.lead, lead.channel, lead.number, person(60_000_000 + next(self._numbers)))
        self._expect("parked conflict", self._event(lead.channel, lead.number, build))

    def _add_test(self) -> None:
        number, channel = next(self._numbers), self._random.choice(list(TESTS))
        who = {**person(number), "name": f"Teste {number}"}
        build = partial(self._senders.test, channel, number, who)
        self._expect(f"test {TESTS[channel].reason}", self._event(channel, f"test {number}", build))

    def _add_forged(self) -> None:
        number, channel = next(self._numbers), self._random.choice(self._senders.channels)
        build = partial(self._senders.forged, channel, number, person(number))
        self._events.append(self._event(channel, f"forged {number}", build))
        self.truth.refused[channel] += 1
        self.truth.statuses[401] += 1

    def _add_junk(self) -> None:
        """Each kind in turn, each time on its next channel."""
        number, (turn, kind) = next(self._numbers), divmod(next(self._junked), len(self._junk))
        channels, outcome, request = self._junk[kind]
        channel = channels[turn % len(channels)]
        self._expect(outcome, self._event(channel, f"junk {number}", partial(request, channel, number)))

    def _kinds_of_junk(self) -> Sequence[tuple[Sequence[str], str, Callable[[str, int], Sent]]]:
        """Where each kind is sent, what must come of it, and its request."""
        senders, half = self._senders, len(DENIED) // 2
        every = senders.channels

        def of(who: Callable[[int], Person]) -> Callable[[str, int], Sent]:
            return lambda channel, number: senders.lead(channel, number, who(number))

        return (
            (senders.breakable, "parked not_json", lambda key, n: senders.raw(key, b'{"n": %d, "nome": "An' % n)),
            (every, "parked no_contact", of(_unreachable)),
            (["meta_lead_ads"], "parked platform_refused", lambda key, n: senders.vanished(key, n, person(n))),
            (every, "ignored junk_phone", of(lambda n: {**person(n), "phone": DENIED[n % half]["phone"]})),
            (
                [key for key in every if key not in WITHOUT_EMAIL],
                "ignored junk_email",
                of(lambda n: {**person(n), "email": DENIED[half + n % half]["email"]}),
            ),
            (every, "ignored junk_pattern", of(lambda n: {**person(n), "name": f"{DENIED_PATTERN.title()} {n}"})),
            (
                [key for key in every if key not in CHATS],
                "ignored junk_link_in_name",
                of(lambda n: {**person(n), "name": f"Oferta https://example.com/{n}"}),
            ),
            (["form"], "ignored junk_honeypot", lambda key, n: senders.trapped(key, n, person(n))),
        )

    def _event(self, channel: str, name: int | str, build: Build) -> Event:
        return Event(self._order + self._random.uniform(0, JITTER), (channel, str(name)), build)

    def _expect(self, outcome: str, event: Event) -> None:
        self._events.append(event)
        self.truth.outcomes[event.label][outcome] += 1

    def _capture(self, number: int, who: Person, event: Event, *, is_talk: bool = False) -> Captured:
        self._expect("captured", event)
        (self.truth.talks if is_talk else self.truth.cards)[event.label] = who["phone"]
        lead = Captured(event, number, who)
        self._here.append(lead)
        return lead


def _unreachable(number: int) -> Person:
    return {"name": f"Sem Contato {number}", "phone": "+550000000000", "email": "nao informado"}
