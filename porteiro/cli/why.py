"""The command `why`: why an OPV is with whom it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from porteiro.cli.screen import AsJson, Opened, opened, show_fields, show_json, show_table
from schemas.errors import Reject
from schemas.why import LeftOut, Why

_DECIDED = {
    "broker": "corretor", "manager": "gerente", "offered": "em oferta", "pool": "no bolsão", "nobody": "ninguém",
}  # fmt: skip
_PARTS = {"sales": "vendas", "presales": "pré-atendimento", "second": "segundo corretor"}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("why")(show_why)


def show_why(
    ident: Annotated[str, typer.Argument(help="Number or id.", metavar="OPV")],
    all_: Annotated[bool, typer.Option("--all", help="The earlier decisions in full too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Says why an OPV is with whom it is: in one sentence, and rule by rule, gate by gate."""
    from sqlalchemy import true

    from db.queries import opvs
    from opv.distribution.explain import every, why

    with opened() as at:
        opv = opvs.find(at.tx, true(), ident)
        if opv is None:
            raise Reject("unknown_opv", f"there is no OPV {ident}", 404)
        house = at.program.houses.current(at.tx)
        told = every(at.tx, house, opv) if all_ else [why(at.tx, house, opv)]
    if as_json:
        show_json(told if all_ else told[0])
        return
    for one in told:
        _show(one, at)
    if not all_ and told[0].earlier:
        rows = [(at.moment(e.at), _PARTS.get(e.part, e.part), e.sentence) for e in told[0].earlier]
        show_table("Outras decisões", ("Quando", "Parte", "O que foi decidido"), rows)


def _show(one: Why, at: Opened) -> None:
    typer.echo(one.sentence)
    if one.at is None:
        return
    show_fields("Decisão", _fields(one, at))
    rules = [(tried.rule, tried.matched, tried.sentence) for tried in one.rules]
    _table("Regras", ("Regra", "Valeu", "Por quê"), rows=rules)
    _table("Fora da vez", ("Corretor", "Por quê"), _out(one.left_out))
    _table("Perderam a vez", ("Corretor", "Por quê"), _out(one.missed))
    for other in one.fell_back:
        rows = [("", other.sentence), *_out(other.left_out)]
        _table(f"Fila {other.queue}, sem ninguém", ("Corretor", "Por quê"), rows)


def _fields(one: Why, at: Opened) -> Iterator[tuple[str, object]]:
    yield "Quando", at.moment(one.at)
    yield "Parte", _PARTS.get(one.part or "", one.part)
    yield "Com quem", _DECIDED[one.decided]
    yield "Corretor", one.broker
    yield "Gerente", one.manager
    yield "Equipe", one.team
    yield "Regra", one.rule
    yield "Fila", one.queue
    yield "Vez", one.turn
    yield "Podiam receber", ", ".join(one.candidates)
    yield "Fila antes", ", ".join(one.before)
    yield "Fila depois", ", ".join(one.after)
    yield "Versão da configuração", one.config_version


def _out(told: Sequence[LeftOut]) -> list[tuple[str, str]]:
    return [(one.broker, one.sentence) for one in told]


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    if rows:
        show_table(title, columns, rows)
