"""Shifts, calendars, absences and stands in the file: what is wrong is told with its line."""

from __future__ import annotations

from adapters.sources.registry import sources
from porteiro.configuration.load import load

RIGHT = """company: {holidays: BR-São Paulo Capital, days_off: [01-25, 2026-12-24], shifts: [mon-fri 09:00-18:00]}
people:
  - {key: paula, name: Paula, role: manager}
  - key: ana
    name: Ana
    role: broker
    timezone: America/Manaus
    holidays: BR-AM
    shifts: ["mon-sun,holidays 09:00-19:00", "fri,sat 20:00-02:00"]
    absences: [{from: 2026-12-20, to: 2027-01-05, reason: vacation}]
  - {key: bia, name: Bia, role: broker}
teams: [{key: sul, name: Sul, shifts: ["mon-sat 09:00-18:00"], managers: [{person: paula, brokers: [ana, bia]}]}]
stands:
  - {key: jardim, name: Jardim, roster: [{when: "sat,sun,holidays 09:00-13:00", brokers: [ana, bia]}]}
  - key: praia
    name: Praia
    check_in: false
    roster:
      - {when: "sat,sun,holidays 13:00-19:00", brokers: [ana]}
      - {when: "2026-12-05 09:00-13:00", brokers: []}
funnel: {stages: [{key: new, name: Novo}]}
"""

WRONG = """company: {holidays: BR-Sao Paulo Capital, days_off: [25/01, 02-30], shifts: []}
people:
  - {key: paula, name: Paula, role: manager, holidays: BR-RX}
  - {key: ana, name: Ana, role: broker, shifts: [seg-sex 09:00-18:00], absences: [{from: 2026-12-20, to: 2026-12-01}]}
  - {key: bia, name: Bia, role: broker, absences: [{from: 2026-12-20, to: 2026-12-21, reason: holiday}], shift: x}
teams: [{key: sul, name: Sul, holidays: XX, managers: [{person: paula, brokers: [ana, bia]}]}]
stands:
  - {key: jardim, name: Jardim, roster: [{when: "sat 09:00", brokers: [ana, anna, ana]}], holidays: br}
  - {key: jardim, name: Praia, roster: [{when: "sat 09:00-13:00", brokers: [paula]}]}
funnel: {stages: [{key: new, name: Novo}]}
"""

TOLD = """1:21: company.holidays: `BR` has no `Sao Paulo Capital`, did you mean `São Paulo Capital`?
1:54: company.days_off[0]: `25/01` is no day: write a date, as `2026-01-25`, or month and day for every year, as
1:61: company.days_off[1]: `02-30` is no day: write a date
1:77: company.shifts: empty: write at least one
3:56: people[0].holidays: `BR` has no `RX`, known: `AC`
4:50: people[1].shifts[0]: `seg-sex` is no day: write `mon`
4:83: people[1].absences[0]: it ends on 2026-12-01, before it begins: write a later `to`
5:95: people[2].absences[0].reason: `holiday` is unknown, known: `vacation`, `sick`, `other`
5:106: people[2].shift: unknown key `shift`, did you mean `shifts`?
6:41: teams[0].holidays: no holidays are known of `XX`
8:49: stands[0].roster[0].when: `sat 09:00` is no shift: write days and hours
8:77: stands[0].roster[0].brokers[1]: there is no person `anna`, did you mean `ana`?
8:83: stands[0].roster[0].brokers[2]: `ana` is named twice: remove one
8:101: stands[0].holidays: no holidays are known of `br`
9:11: stands[1].key: the stand on line 8 is called `jardim` already: take another key
9:77: stands[1].roster[0].brokers[0]: `paula` is a manager, not a broker
""".splitlines()


def problems(text: str) -> list[str]:
    return [str(problem).removeprefix("f.yaml:") for problem in load(text, "f.yaml", sources(), {})[1]]


def test_what_is_right_is_read_as_written() -> None:
    configuration, found = load(RIGHT, "f.yaml", sources(), {})
    assert found == []
    assert configuration is not None
    ana = configuration.people[1]
    assert (ana.shifts, ana.days_off, ana.absences[0].reason) == (
        ["mon-sun,holidays 09:00-19:00", "fri,sat 20:00-02:00"], None, "vacation",
    )  # fmt: skip
    assert configuration == configuration.model_validate(configuration.model_dump(mode="json", by_alias=True))


def test_what_is_wrong_is_told_with_its_line() -> None:
    found = problems(WRONG)
    assert [one[: len(begin)] for one, begin in zip(found, TOLD, strict=True)] == TOLD


def test_a_broker_on_two_stands_at_once_is_warned_of() -> None:
    def told(*lines: tuple[str, str]) -> list[str]:
        stands = "".join(
            f'  - {{key: {key}, name: X, roster: [{{when: "{when}", brokers: [bia]}}]}}\n' for key, when in lines
        )
        return problems(RIGHT[: RIGHT.index("  - {key: jardim")] + stands + RIGHT[RIGHT.index("funnel") :])

    assert told(("jardim", "sat-sun 09:00-19:00"), ("praia", "sun 18:00-20:00")) == [
        "15:72: warning: stands[1].roster[0].brokers[0]: `bia` is on the stand `jardim` at the same time (line 14)"
    ]
    assert told(("jardim", "sun 20:00-02:00"), ("praia", "mon 01:00-09:00"))
    assert told(("jardim", "fri,holidays 10:00-12:00"), ("praia", "sat,holidays 11:00-13:00"))
    assert told(("jardim", "sat 10:00-12:00"), ("praia", "2026-12-05 11:00-13:00"))
    assert told(("jardim", "2026-12-05 20:00-02:00"), ("praia", "2026-12-06 01:00-13:00"))
    assert not told(("jardim", "sat 10:00-12:00"), ("praia", "sat 12:00-13:00"))
    assert not told(("jardim", "sun 10:00-12:00"), ("praia", "2026-12-05 11:00-13:00"))
    assert not told(("jardim", "sat 10:00-12:00"), ("jardim-2", "holidays 10:00-12:00"))


def test_business_time_is_waited_for_in_a_stage_alone() -> None:
    text = RIGHT + "retention: {captured: 30 business hours}\njunk: {form: {per_address: {per: 2 business days}}}\n"
    assert [one.partition(": write")[0].partition(", write")[0] for one in problems(text)] == [
        "22:23: retention.captured: `30 business hours` cannot be waited for here",
        "23:34: junk.form.per_address.per: `2 business days`: business time is not counted here",
    ]
    stage = "automations: [{key: a, on: {in_stage: new, for: 90 business minutes}, do: [{notify: manager}]}]\n"
    assert problems(RIGHT + stage) == []
