"""Bodies that nobody should send and somebody will."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters(), max_size=30)
    | st.sampled_from(["\x00", "\ud800", "1" * 60, "<test lead: x>", "2026-13-99", "1e999", " "])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)

BODIES = {
    "empty": b"",
    "blank": b" \r\n",
    "not json": b"garbage",
    "a number": b"7",
    "a list": b"[1]",
    "nothing in it": b"{}",
    "not a number": b'{"name": NaN, "email": -Infinity}',
    "nested 100 levels": b"[" * 100 + b"]" * 100,
    "nested without end": b'{"a":' * 50_000,
    "nested keys": b"a" + b"[b]" * 50_000 + b"=c",
    "NUL": b'{"id":"a\\u0000b","name":"a\\u0000","lead_id":"\\u0000","originLeadId":"x\\u0000"}',
    "lone surrogate": b'{"id":"\\ud800","name":"\\udfff","lead_id":"\\ud800","originLeadId":"\\ud800"}',
    "not UTF-8": b'{"name":"Jos\xe9","id":"\xff"}',
    "UTF-16": '{"name":"José"}'.encode("utf-16"),
    "huge numbers": b'{"id":1e999,"lead_id":' + b"9" * 10_000 + b"}",
}


def nested(levels: int) -> Any:
    """A word in so many containers."""
    value: Any = "fundo"
    for level in range(levels):
        value = [value] if level % 2 else {"x": value}
    return value


def altered(document: Any) -> st.SearchStrategy[Any]:
    """The document with one of its parts replaced by anything."""
    paths = list(_paths(document))
    return st.tuples(st.sampled_from(paths), JSON).map(lambda change: _replaced(document, *change))


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, child in children for found in _paths(child, (*path, key)))]


def _replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    if not path:
        return new
    if isinstance(value, dict):
        return {key: _replaced(child, path[1:], new) if key == path[0] else child for key, child in value.items()}
    return [_replaced(child, path[1:], new) if key == path[0] else child for key, child in enumerate(value)]
