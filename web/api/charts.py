"""Charts as SVG with nothing in it but shapes and text: no script, and nothing from elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

MEDIA_TYPE = "image/svg+xml"

_FONT = "Verdana, 'DejaVu Sans', Arial, sans-serif"
_COLORS = (
    "#1f5a96", "#e08a1e", "#3c8d5a", "#b5424f", "#7a5ba8", "#2a9bb3", "#c2698f", "#8a6d3b", "#9a9a9a",
)  # fmt: skip
"""Told apart by the eye, and by most who see few colours; the last is that of what is put together as others."""
_ON_COLORS = ("#ffffff", "#111111", "#ffffff", "#ffffff", "#ffffff", "#111111", "#111111", "#ffffff", "#111111")
_WIDTH, _LINE, _HEIGHT, _MARGIN = 960, 34, 480, 16
_TITLES, _LEGEND, _LEGEND_LINE = 100, 24, 24
_LABEL = 36
"""Letters of a label."""
_LETTER = 8.2
"""About the width of a letter of labels and figures."""
_UPRIGHT_FIGURES = 31
"""Columns up to which each has its figure on it."""
_PART = 0.045
"""A part of a bar smaller than this, as a part of the longest, has no figure: there is no room."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its label, its length, and what is written at its end."""

    label: str
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a chart of several: its name, and its part of each bar."""

    name: str
    values: Sequence[int]


def bars(title: str, period: str, shown: Sequence[Bar]) -> bytes:
    """Bars from the top down, each with its figure at the end."""
    labels = [_short(one.label, _LABEL) for one in shown]
    most = max((one.value for one in shown), default=0) * _with_room(labels, [one.text for one in shown])
    chart = _chart(
        "HorizontalBar", title, period, _TITLES + _LINE * max(len(shown), 2), show_legend=False,
        print_values_position="top", range=(0, most or 1), show_x_labels=False,
    )  # fmt: skip
    chart.add_xml_filter(_figures_outside)
    chart.x_labels = labels[::-1]
    chart.add("", [{"value": one.value, "formatter": _saying(one.text)} for one in reversed(shown)])
    return _drawn(chart)


def columns(title: str, period: str, shown: Sequence[Bar]) -> bytes:
    """Columns side by side, as for times, with their figures while they fit."""
    many = len(shown) > _UPRIGHT_FIGURES
    most = max((one.value for one in shown), default=0)
    chart = _chart(
        "Bar", title, period, _HEIGHT, show_legend=False, print_values=not many, print_values_position="top",
        range=(0, most * 1.1 or 1), show_y_labels=many, **_slanted([one.label for one in shown]),
    )  # fmt: skip
    chart.add("", [{"value": one.value, "formatter": _saying(one.text)} for one in shown])
    return _drawn(chart)


def stacked(title: str, period: str, labels: Sequence[str], series: Sequence[Series], *, upright: bool) -> bytes:
    """Bars in parts, one colour a series, the whole figure beside the label; columns when `upright`."""
    totals = [sum(one.values[place] for one in series) for place in range(len(labels))]
    most = max(totals, default=0)
    in_line = 3 if upright else 2
    legend = _LEGEND + -(-len(series) // in_line) * _LEGEND_LINE
    bottom = _MARGIN + (_LEGEND_LINE if len(series) % in_line else 0)  # a line that pygal does not count
    named = [f"{_short(label, _LABEL)} ({total})" for label, total in zip(labels, totals, strict=True)]
    if upright:
        chart = _chart(
            "StackedBar", title, period, _HEIGHT + legend, range=(0, most * 1.05 or 1),
            legend_at_bottom_columns=in_line, margin_bottom=bottom, value_colors=_ON_COLORS,
            print_values=len(labels) <= _UPRIGHT_FIGURES // 2, **_slanted(named),
        )  # fmt: skip
    else:
        height = _TITLES + _LINE * max(len(labels), 2) + legend
        chart = _chart(
            "HorizontalStackedBar", title, period, height, range=(0, most or 1), value_colors=_ON_COLORS,
            legend_at_bottom_columns=in_line, margin_bottom=bottom,
        )  # fmt: skip
        chart.x_labels = named[::-1]
    for one in series:
        values = one.values if upright else one.values[::-1]
        chart.add(_short(one.name, _LABEL), [{"value": v, "formatter": _part(most)} for v in values])
    return _drawn(chart)


def _chart(
    kind: str, title: str, period: str, height: int, *, value_colors: Sequence[str] = ("#111111",), **options: Any
) -> Any:
    pygal = _pygal()
    style = pygal.style.Style(
        background="#ffffff", plot_background="#ffffff", foreground="#222222", foreground_strong="#111111",
        foreground_subtle="#888888", colors=_COLORS, font_family=_FONT, title_font_size=20, label_font_size=14,
        major_label_font_size=14, value_font_size=14, legend_font_size=14, no_data_font_size=20, opacity="1",
        guide_stroke_color="#dddddd", major_guide_stroke_color="#dddddd", value_colors=value_colors,
    )  # fmt: skip
    fixed = {
        "title": f"{_clean(title)}\n{_clean(period)}", "style": style, "js": (), "explicit_size": True,
        "margin": _MARGIN, "width": _WIDTH, "height": height, "print_values": True, "truncate_label": -1,
        "truncate_legend": -1,
        "no_data_text": "sem dados", "legend_at_bottom": True, "max_scale": 8, "show_x_guides": False,
        "show_y_guides": False, "print_values_position": "center",
    }  # fmt: skip
    chart = getattr(pygal, kind)(**{**fixed, **options})
    chart.add_xml_filter(_bare)
    return chart


@cache
def _pygal() -> Any:
    """The library, when a chart is first drawn, without the hook that it hangs into the import of every module after it
    for maps, which are not drawn here."""
    import pygal
    import pygal.style

    sys.meta_path[:] = [one for one in sys.meta_path if type(one).__module__ != "pygal"]
    return pygal


def _drawn(chart: Any) -> bytes:
    svg: bytes = chart.render()
    return svg


def _bare(root: Any) -> Any:
    """Takes out scripts, comments with addresses, and what only a script would show."""
    for parent in list(root.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or child.tag.rpartition("}")[2] in ("script", "desc"):
                parent.remove(child)
    return root


def _figures_outside(root: Any) -> Any:
    """The figures of horizontal bars begin where the bars end."""
    for element in root.iter():
        if element.attrib.get("class") == "value":
            element.attrib["style"] = "text-anchor:start"
    return root


def _slanted(labels: Sequence[str]) -> dict[str, Any]:
    """Labels of columns: slanted when they are many, and not all of them when they are too many."""
    every = -(-len(labels) // _UPRIGHT_FIGURES)
    return {
        "x_labels": [_clean(label) for label in labels],
        "x_label_rotation": 45 if len(labels) > 6 else 0,
        "x_labels_major_every": every,
        "show_minor_x_labels": every == 1,
    }


def _with_room(labels: Sequence[str], texts: Sequence[str]) -> float:
    """How much longer than the longest bar the plot must be, so that the figures at the ends have room."""
    plot = _WIDTH - 2 * _MARGIN - max(map(len, labels), default=0) * _LETTER
    text = (max(map(len, texts), default=0) + 3) * _LETTER
    return plot / max(plot - text, plot / 4)


def _saying(text: str) -> Callable[[Any], str]:
    said = _clean(text)
    return lambda _value: said


def _part(most: int) -> Callable[[Any], str]:
    return lambda value: str(value) if value and value >= most * _PART else ""


def _short(text: str, most: int) -> str:
    shown = _clean(text)
    return shown if len(shown) <= most else f"{shown[: most - 1].rstrip()}…"


def _clean(text: str) -> str:
    """Without what XML does not take: names of campaigns are written by strangers."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
