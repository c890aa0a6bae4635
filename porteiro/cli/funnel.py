"""`porteiro funnel`: the funnels and how many open OPVs are in each stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from porteiro.cli.screen import AsJson, opened, show_json, show_table

if TYPE_CHECKING:
    from schemas.funnel import ShownStage

_LISTED = ("Etapa", "Nome", "Situações", "Abertas", "Regras")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("funnel")(show)


def show(as_json: AsJson = False) -> None:
    """Shows the funnels: stages in order, their rules, open OPVs."""
    from sqlalchemy import true

    from opv.funnel_view import shown_funnels

    with opened() as at:
        found = shown_funnels(at.tx, at.program.houses.current(at.tx), true(), None)
    if as_json:
        show_json({"items": found, "next": None})
        return
    for funnel in found:
        title = f"{funnel.name} ({funnel.key}){', sem pular etapas' if funnel.no_skip else ''}"
        rows = [(one.key, one.name, _statuses(one), one.open, "; ".join(_rules(one))) for one in funnel.stages]
        show_table(title, _LISTED, rows)


def _statuses(stage: ShownStage) -> str:
    return ", ".join(one.key for one in stage.statuses if one.active)


def _rules(stage: ShownStage) -> Iterator[str]:
    marks = {
        "pré-atendimento": stage.kind == "presales", "inativa": not stage.active, "oculta": stage.hidden,
        "trancada": stage.locked,
    }  # fmt: skip
    yield from (mark for mark, holds in marks.items() if holds)
    listed = {
        "exige": stage.requires, "para sair": stage.leave_requires, "leva a": stage.allow, "veem": stage.see,
        "movem": stage.move,
    }  # fmt: skip
    yield from (f"{word} {', '.join(values)}" for word, values in listed.items() if values)
    if stage.sla is not None:
        yield f"SLA {stage.sla.warn}"
    if stage.expiry is not None:
        yield f"vence em {stage.expiry.after}"
