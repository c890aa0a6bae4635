"""How leads find a broker: queues and rules."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from schemas.config.caps import Caps
from schemas.config.values import DurationText, Key, Part, SpanText
from schemas.duration import Duration

Strategy = Literal[
    "round_robin", "draw", "weighted", "least_open", "least_recent", "most_room", "first_to_claim", "manual"
]

Share = Annotated[int, Field(ge=1, le=10)]

FALLBACKS = ("next", "manager", "pool", "alert")
"""What may come of an OPV that a broker does not take, besides a person's key."""

LONGEST_OFFER = 30
"""Minutes. A client who waits longer than that for a first answer is another house's."""


class Skills(Part):
    """Which tags a broker must have: all of `all`, one of `any`, and none of `none`."""

    all: list[Key] = Field(default_factory=list)
    any: list[Key] = Field(default_factory=list)
    none: list[Key] = Field(default_factory=list)


class Terms(Part):
    """What comes of an OPV that its broker does not take: `next` broker by the rules, the broker's `manager`, the
    `pool` of the queue, nothing but an `alert`, or a person by key."""

    otherwise: Key = "next"
    hops: int = Field(3, ge=1, le=20)
    """Returns, after which `then` holds in place of `otherwise`."""
    then: Key = "manager"
    """As `otherwise`, but not `next`."""
    spare_contacted: bool = True
    """An OPV whose client was contacted stays where it is."""
    rescue: bool = False
    """The broker who let it go still sees it: it is shared with that broker."""

    @field_validator("then")
    @classmethod
    def _ends(cls, value: str) -> str:
        if value == "next":
            raise ValueError("`then` ends it: write `manager`, `pool`, `alert` or a person's key")
        return value


class Accept(Terms):
    """The broker accepts the OPV, or acts on it, within the time, or it returns."""

    within: DurationText
    """As `15 business minutes`: those in which the broker works."""

    @field_validator("within")
    @classmethod
    def _some_time(cls, value: str) -> str:
        if Duration.parse(value) == Duration("calendar"):
            raise ValueError("nobody accepts in no time: write for example `15 business minutes`")
        return value


class Offer(Part):
    """How long a `first_to_claim` queue offers an OPV to all its brokers, and what comes of one that nobody claims."""

    model_config = ConfigDict(populate_by_name=True)

    for_: SpanText = Field("10 minutes", alias="for")
    otherwise: Key = "pool"
    """`pool`, `manager` of the team's first one, `alert`, or a person by key; the rule's `fallback` goes before."""

    @field_validator("for_")
    @classmethod
    def _short(cls, value: str) -> str:
        if Duration.parse(value).span.total_seconds() > LONGEST_OFFER * 60:
            raise ValueError(f"an offer lasts at most {LONGEST_OFFER} minutes, since the client waits meanwhile")
        return value

    @field_validator("otherwise")
    @classmethod
    def _ends(cls, value: str) -> str:
        if value == "next":
            raise ValueError("an unclaimed offer goes on by the rule's `fallback`; write `pool`, `manager`, `alert` …")
        return value


class InlineQueue(Part):
    """Brokers who are given leads by a strategy: those of `teams`, or of the lead's development's teams, or a named
    list."""

    strategy: Strategy = "round_robin"
    teams: list[Key] = Field(default_factory=list)
    brokers: list[Key] = Field(default_factory=list)
    weights: dict[Key, Share] = Field(default_factory=dict)
    """Of `weighted`: how many turns a broker has for each one that others have."""
    team_shares: dict[Key, Share] = Field(default_factory=dict)
    """Two steps: teams take turns by their shares, then brokers of the team by the strategy."""
    missed: Literal["keep", "skip", "credit"] = "keep"
    """What comes of the turn of a broker who is away: it keeps its place in the line; it loses the turn; or the turn is
    credited and made good little by little."""
    around_the_clock: bool = False
    """Brokers get leads outside their shifts too, though not while absent."""
    logged_in: bool = False
    """Only brokers who said that they are available get leads."""
    stand: Key | None = None
    """Only brokers who are on this sales stand's roster, and checked in where it asks that, get leads."""
    needs_creci: bool = False
    """Only brokers whose licence (CRECI) is known get leads."""
    caps: Caps = Field(default_factory=Caps)
    skills: Skills = Field(default_factory=Skills)
    accept: Accept | None = None
    offer: Offer = Field(default_factory=Offer)

    @model_validator(mode="after")
    def _whole(self) -> InlineQueue:
        if self.teams and self.brokers:
            raise ValueError("a queue names teams or brokers, not both")
        if self.weights and self.strategy != "weighted":
            raise ValueError("weights are those of the strategy `weighted`")
        if self.team_shares and set(self.team_shares) - set(self.teams):
            raise ValueError("team_shares names a team that is not in the queue's `teams`")
        if self.team_shares and self.strategy in ("first_to_claim", "manual"):
            raise ValueError(f"`{self.strategy}` gives no turns to teams: leave out team_shares")
        if self.strategy == "most_room" and self.caps.day is None:
            raise ValueError("`most_room` measures the room under a cap: write `caps: {day: …}`")
        return self


class Queue(InlineQueue):
    """A queue (roleta) with turns of its own, for the rules that name it."""

    key: Key


class Owner(Part):
    """The client's broker keeps the client: who serves an open OPV of the client, or served one not longer ago."""

    model_config = ConfigDict(populate_by_name=True)

    for_: DurationText = Field("180 days", alias="for")
    """Since the last OPV was given to the broker."""


class Directed(Part):
    """The broker whom the sender named in the lead."""


class ListingBroker(Part):
    """The broker who captured the listing (captador, angariador): that of `listings` in its development."""


class Exempt(Part):
    """Leads that no queue gets and no expiry takes away, as those of partners: `to` is a broker or manager by key."""

    to: Key


def _queue_shape(value: Any) -> str:
    return "@inline" if isinstance(value, dict | InlineQueue) else "@key"


class Rule(Part):
    """Leads of which `when` holds; without `when`, all. The first rule that holds, and has somebody, decides; a queue
    that has nobody at present keeps its leads waiting, unless the rule names others to fall back to."""

    key: Key
    when: dict[str, Any] = Field(default_factory=dict)
    queue: (
        Annotated[Annotated[Key, Tag("@key")] | Annotated[InlineQueue, Tag("@inline")], Discriminator(_queue_shape)]
        | None
    ) = None
    """A queue's key, or a queue written here, which is then called as the rule."""
    owner: Owner | None = None
    directed: Directed | None = None
    listing_broker: ListingBroker | None = None
    exempt: Exempt | None = None
    fallback: list[Key] = Field(default_factory=list)
    """Queues that are asked, in order, when the rule's own has nobody at present."""
    skills: Skills = Field(default_factory=Skills)
    """Besides those of the queue."""
    accept: Accept | None = None
    """In place of the queue's."""
    part: Literal["sales", "presales"] = "sales"
    """`presales`: who qualifies the lead first (pré-atendimento); sales rules follow once it is in a stage of sales."""

    @model_validator(mode="after")
    def _one_way(self) -> Rule:
        named = [name for name in WAYS if getattr(self, name) is not None]
        if len(named) != 1:
            raise ValueError(f"a rule has one of {', '.join(f'`{name}`' for name in WAYS)}: this one has {len(named)}")
        if self.fallback and self.queue is None:
            raise ValueError("`fallback` is what a queue falls back to")
        if self.exempt is not None and self.accept is not None:
            raise ValueError("exempt leads do not return: leave out `accept`")
        return self

    @property
    def way(self) -> str:
        """What it leads to, one of `WAYS`."""
        return next(name for name in WAYS if getattr(self, name) is not None)


WAYS = ("queue", "owner", "directed", "listing_broker", "exempt")
"""What a rule may lead to."""


class InvalidLeads(Part):
    """Leads that their broker says are none (wrong number, no such person). Once confirmed, the broker's turn is given
    back and the OPV is withdrawn."""

    confirm: Literal["manager", "rule"] = "manager"
    """`rule`: those of which `when` holds are confirmed at once, the others by a manager."""
    when: dict[str, Any] = Field(default_factory=dict)
    reason: Key | None = None
    """The withdrawal's reason; without, the automatic one."""


class Distribution(Part):
    """How leads find a broker. Before the rules, and unless one of them says so in its own place: the client's broker
    keeps the client as `returning` says, then the broker whom the sender named, then the broker of the listing."""

    rules: list[Rule] = Field(default_factory=list)
    invalid_leads: InvalidLeads = Field(default_factory=InvalidLeads)
