"""Commands about who serves OPVs: sharing, requests and their answers, whole portfolios."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from porteiro.cli.in_name import As, Ident, act_on, do, named, read
from porteiro.cli.screen import AsJson, Limit, Opened, bar, built, opened, show_json, show_table
from schemas.conversion import (
    AnswerBody,
    InvalidBody,
    PortfolioBody,
    PortfolioItem,
    RequestBody,
    RequestFilters,
    RequestItem,
)
from schemas.opv_actions import TransferBody

if TYPE_CHECKING:
    from opv.conversion.portfolio import Move
    from porteiro.build import Runtime

Reason = Annotated[str, typer.Option(help="Why.")]

_LISTED = ("Pedido", "OPV", "Tipo", "Situação", "Pedido por", "Para", "Quando", "Motivo", "Respondido por", "Resposta")
_KINDS = {"transfer": "transferência", "ownership": "titularidade", "invalid": "lead inválido"}
_STATES = {"open": "aberto", "granted": "concedido", "refused": "recusado", "void": "sem efeito"}


def register(group: typer.Typer) -> None:
    """Adds the commands to `porteiro opv`."""
    group.command("share")(share)
    group.command("ask-transfer")(ask_transfer)
    group.command("invalid")(report_invalid)
    group.command("requests")(list_requests)
    group.command("answer")(answer_request)
    group.command("portfolio")(move_portfolio)


def register_offboarding(app: typer.Typer) -> None:
    """Adds `porteiro offboard`, which is `porteiro opv portfolio`."""
    app.command("offboard")(move_portfolio)


def share(
    ident: Ident,
    by: As,
    reason: Reason,
    broker: Annotated[str | None, typer.Option("--with", help="Key of the second broker.", metavar="BROKER")] = None,
    end: Annotated[bool, typer.Option("--end", help="Share it no longer.")] = False,
    as_json: AsJson = False,
) -> None:
    """Shares the OPV with a second broker, or ends that."""
    from opv.conversion.parts import share as share_opv

    if (broker is None) != end:
        raise typer.BadParameter("say --with BROKER or --end")
    body = read(TransferBody, part="second", broker=broker, reason=reason)
    act_on(by, ident, lambda at: share_opv(at, body.reason, body.broker), as_json)


def ask_transfer(
    ident: Ident,
    by: As,
    reason: Reason,
    broker: Annotated[str | None, typer.Option(help="Key of the broker; whoever the rules find, if left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Asks that the OPV be given to another broker."""
    from opv.conversion import requests

    body = read(RequestBody, broker=broker, reason=reason)
    do(
        by,
        lambda tx, house, viewer, now: requests.ask(tx, house, viewer, now, ident, body.reason, body.broker),
        as_json,
    )


def report_invalid(
    ident: Ident,
    by: As,
    reason: Annotated[str, typer.Option(help="wrong_number, no_such_person, duplicate, spam or other.")],
    text: Annotated[str | None, typer.Option(help="What is to be said of it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Says that the OPV's lead is none, and asks for the turn back."""
    from opv.conversion import requests

    body = read(InvalidBody, reason=reason, text=text)
    do(
        by,
        lambda tx, house, viewer, now: requests.report(tx, house, viewer, now, ident, body.reason, body.text),
        as_json,
    )


def list_requests(
    by: As,
    state: Annotated[str | None, typer.Option(help="open, granted, refused or void.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Shows the requests that a person filed or may answer."""
    from opv.conversion import requests

    filters = read(RequestFilters, state=state, limit=limit)
    with opened() as at:
        house, viewer = named(at.program, at.tx, by)
        page = requests.page(at.tx, house, viewer, filters)
    if as_json:
        show_json(page)
    else:
        show_table("Pedidos", _LISTED, [_line(item, at) for item in page.items])


def answer_request(
    request: Annotated[str, typer.Argument(help="Id of the request.", metavar="REQUEST")],
    by: As,
    grant: Annotated[bool, typer.Option("--grant/--refuse", help="What is answered.")],
    reason: Annotated[str | None, typer.Option(help="What is said to it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Grants or refuses a request."""
    from opv.conversion.answering import answer

    body = read(AnswerBody, grant=grant, reason=reason)
    do(by, lambda tx, house, viewer, now: answer(tx, house, viewer, now, request, body.grant, body.reason), as_json)


def move_portfolio(
    person: Annotated[str, typer.Argument(help="Key of the person whose OPVs they are.", metavar="PERSON")],
    by: As,
    reason: Reason,
    to: Annotated[str | None, typer.Option(help="Key of the broker who gets them.", metavar="BROKER")] = None,
    redistribute: Annotated[bool, typer.Option("--redistribute", help="To whoever the rules find.")] = False,
    rule: Annotated[str | None, typer.Option("--by", help="Key of the rule or queue that finds them.")] = None,
    as_json: AsJson = False,
) -> None:
    """Gives all open OPVs of a person to another, as when it leaves; stopped anywhere, it goes on when run again."""
    from opv.conversion.portfolio import Move

    body = read(PortfolioBody, broker=to, redistribute=redistribute, by=rule, reason=reason)
    with built() as program:
        item = _move_all(program, by, Move(person, body.broker, body.reason, body.by))
    if as_json:
        show_json(item)
    else:
        typer.echo(f"{item.person}: {item.moved} moved, {item.left} left")


def _move_all(program: Runtime, by: str, move: Move) -> PortfolioItem:
    from opv.conversion import portfolio

    with program.database.read() as tx:
        house, viewer = named(program, tx, by)
        portfolio.check(tx, house, viewer, move)
        rest = portfolio.left(tx, house, viewer, move)
    moved = 0
    with bar("transferindo", rest) as seen:
        while True:
            with program.database.write() as tx:
                house, viewer = named(program, tx, by)
                more = portfolio.move_some(tx, house, viewer, program.clock(), move).opvs
            if not more:
                break
            moved += more
            seen(more)
    with program.database.read() as tx:
        house, viewer = named(program, tx, by)
        return PortfolioItem(person=move.person, moved=moved, left=portfolio.left(tx, house, viewer, move))


def _line(item: RequestItem, at: Opened) -> tuple[object, ...]:
    return (
        item.id, item.number, _KINDS[item.kind], _STATES[item.state], item.asked_by, item.broker, at.moment(item.at),
        item.reason, item.answered_by, item.answer,
    )  # fmt: skip
