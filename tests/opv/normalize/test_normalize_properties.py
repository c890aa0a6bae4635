"""Whatever a source reads: no error, nothing that a database refuses, and a second reading changes nothing."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from opv.normalize import NormalizedLead, normalize
from opv.normalize.phones import AREA_CODES
from schemas.lead import Lead, SentPhone

HARD = st.text(
    st.sampled_from("\x00\x1f\ud800\udfff\n\t \u200b\u0301{}%[]<>@.+-/;,0123459eEaAßŉİçÇ１٣'\"\\ "), max_size=40
)
TEXT = st.one_of(
    st.text(st.characters(codec=None), max_size=60), HARD, st.sampled_from(["null", "{{x}}", "João D'ÁVILA"])
)
DIGITS = st.text("0123456789 ()+-./", max_size=25)
EMAIL = st.one_of(TEXT, st.emails(), st.builds("{}@{}.com".format, TEXT, TEXT))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)
FREE = st.dictionaries(TEXT, JSON, max_size=4)
TEXTS = st.dictionaries(TEXT, TEXT, max_size=3)
MAYBE = st.one_of(st.none(), TEXT)
LEADS = st.builds(
    Lead,
    name=MAYBE,
    phones=st.lists(st.builds(SentPhone, value=st.one_of(TEXT, DIGITS), ddd=st.one_of(MAYBE, DIGITS)), max_size=3),
    emails=st.lists(EMAIL, max_size=3),
    document=st.one_of(MAYBE, DIGITS),
    message=MAYBE,
    campaign=MAYBE,
    transaction=MAYBE,
    price=st.one_of(MAYBE, DIGITS),
    city=MAYBE,
    state=MAYBE,
    submitted_at=st.one_of(st.none(), st.datetimes()),
    ad=TEXTS,
    utm=TEXTS,
    click_ids=TEXTS,
    answers=FREE,
    consent=st.lists(FREE, max_size=2),
    extra=FREE,
    raw=FREE,
    flags=st.lists(TEXT, max_size=3),
)
UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def texts(value: Any) -> list[str]:
    """Every text in a value, keys included."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts(part)]
    return [text for part in value for text in texts(part)] if isinstance(value, list | tuple) else []


def as_lead(done: NormalizedLead) -> Lead:
    fields = {name: getattr(done, name) for name in Lead.model_fields if name not in ("phones", "emails", "price")}
    return Lead(**fields, phones=[SentPhone(value=phone) for phone in done.phones], emails=list(done.emails))


@settings(max_examples=150, deadline=None)
@given(LEADS)
def test_any_lead(lead: Lead) -> None:
    done = normalize(lead)
    everything = dataclasses.asdict(done) | {"submitted_at": None}
    json.dumps(everything, ensure_ascii=False, allow_nan=False).encode()
    assert not [text for text in texts(everything) if UNSTORABLE.search(text)]
    assert all(re.fullmatch(r"\+[1-9][0-9]{7,14}", phone) for phone in done.phones)
    assert all(email == email.lower() and email.count("@") == 1 and len(email) <= 254 for email in done.emails)
    assert done.document is None or re.fullmatch(r"[0-9]{11}|[0-9A-Z]{12}[0-9]{2}", done.document)
    for values in (done.phones, done.emails, done.flags):
        assert len(set(values)) == len(values)
    again = normalize(as_lead(done))
    for name in ("kind", "name", "name_key", "phones", "emails", "document", "message", "campaign", "transaction"):
        assert getattr(again, name) == getattr(done, name), name
    for name in ("city", "state", "ad", "utm", "click_ids", "answers", "consent", "extra", "submitted_at"):
        assert getattr(again, name) == getattr(done, name), name


@given(st.sampled_from(sorted(AREA_CODES)), st.from_regex(r"[6-9][0-9]{7}", fullmatch=True), st.data())
def test_a_mobile_is_the_same_however_it_is_written(ddd: str, last: str, data: st.DataObject) -> None:
    if len(set(ddd + last)) == 1:
        return
    start = data.draw(st.sampled_from(["", "+55", "55", "0055", "+55 0", "0", "015"]))
    ninth = data.draw(st.sampled_from(["9", ""]))
    gap = data.draw(st.sampled_from(["", " ", "-", ") ", "."]))
    sent = f"{start}{ddd}{gap}{ninth}{last[:4]}{gap}{last[4:]}"
    done = normalize(Lead(phones=[SentPhone(value=sent)]))
    assert done.phones == (f"+55{ddd}9{last}",)
    assert len(done.phones[0]) == 14


@given(st.sampled_from(sorted(AREA_CODES)), st.from_regex(r"[2-5][0-9]{7}", fullmatch=True))
def test_a_landline_never_gets_a_ninth_digit(ddd: str, local: str) -> None:
    for sent in (f"+55{ddd}{local}", f"55{ddd}{local}", f"({ddd}) {local[:4]}-{local[4:]}"):
        done = normalize(Lead(phones=[SentPhone(value=sent)]))
        assert done.phones in ((f"+55{ddd}{local}",), ())
        assert done.phones or set(done.flags) & {"phone_not_personal", "placeholder_removed"}
