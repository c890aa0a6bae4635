"""Commands for deliveries: what came in, as received, and putting it back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit
from uuid import UUID

import typer

from porteiro.cli.screen import AsJson, Limit, Opened, bar, built, opened, show_fields, show_json, show_table
from schemas.errors import PorteiroError, Reject
from schemas.operations import DeliveryDetail, DeliveryFilters, DeliveryItem, OutcomeWord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opv.replay import Became, Preview
    from porteiro.build import Runtime

MOST = 1000
"""Deliveries put back by one command, unless `--limit` says less."""

_LISTED = ("Id", "Canal", "Fonte", "Recebida em", "Resultado", "Motivo", "Envios")
_SUBMISSIONS = ("Id externo", "Estado", "Resultado", "Motivo", "Detalhe", "OPV", "Falhas", "Próxima tentativa")

Outcome = Annotated[OutcomeWord | None, typer.Option(help="Deliveries with this outcome.")]
Channel = Annotated[str | None, typer.Option(help="Key of the channel.")]
Reason = Annotated[str | None, typer.Option(help="Reason code of the outcome.")]
Since = Annotated[str | None, typer.Option(help="Received since, ISO 8601.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(no_args_is_help=True, help="Deliveries: list, show, replay, accept.")
    group.command("list")(list_deliveries)
    group.command("show")(show_delivery)
    group.command("replay")(replay_deliveries)
    group.command("accept")(accept_delivery)
    app.add_typer(group, name="deliveries")


def list_deliveries(
    outcome: Outcome = None,
    channel: Channel = None,
    reason: Reason = None,
    since: Since = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Shows the newest deliveries with their outcome."""
    from db.queries import deliveries

    with opened() as at:
        filters = DeliveryFilters(outcome=outcome, channel=channel, reason=reason, since=at.since(since), limit=limit)
        page = deliveries.page(at.tx, filters)
    if as_json:
        show_json(page)
    else:
        show_table("Entregas", _LISTED, [_line(delivery, at) for delivery in page.items])


def show_delivery(
    ident: Annotated[str, typer.Argument(help="Id.", metavar="ID")],
    raw: Annotated[bool, typer.Option("--raw", help="The stored request as HTTP, byte by byte.")] = False,
    as_json: AsJson = False,
) -> None:
    """Shows a delivery: the request as stored (secrets masked) and what was read out of it."""
    from db.queries import deliveries

    with opened() as at:
        if raw:
            _write_raw(at, ident)
            return
        delivery = deliveries.detail(at.tx, _id(ident))
    if delivery is None:
        raise _unknown(ident)
    if as_json:
        show_json(delivery)
    else:
        _show(delivery, at)


def replay_deliveries(
    idents: Annotated[list[str] | None, typer.Argument(help="Ids.", metavar="ID...")] = None,
    outcome: Outcome = None,
    channel: Channel = None,
    reason: Reason = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Put back at most so many.")] = MOST,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Puts deliveries back, to be read anew: those named, or the newest that match the options."""
    filtered = bool(outcome or channel or reason or since)
    if bool(idents) == filtered:
        raise typer.BadParameter("name deliveries, or say which by --outcome, --channel, --reason or --since")
    if outcome == "pending":
        raise typer.BadParameter("pending deliveries are on the work list already")
    with opened() as at:
        if idents:
            wanted = [_id(ident) for ident in idents]
        else:
            filters = DeliveryFilters(outcome=outcome, channel=channel, reason=reason, since=at.since(since))
            wanted = _matching(at, filters, limit)
        if dry_run:
            _show_changes(at, wanted, as_json)
            return
    if not idents and not yes:
        _ask(len(wanted))
    with built() as program:
        _put_back(program, wanted)


def accept_delivery(ident: Annotated[str, typer.Argument(help="Id.", metavar="ID")]) -> None:
    """Takes a delivery all the same that was ignored as junk."""
    from opv.replay import accept

    with built() as program, program.database.write() as tx:
        accept(tx, _id(ident), program.clock(), "command line")
    typer.echo(f"delivery {ident} accepted; workers read it within seconds")


def _matching(at: Opened, filters: DeliveryFilters, limit: int) -> list[UUID]:
    from db.queries import deliveries

    return deliveries.ids(at.tx, filters, limit)


def _ask(count: int) -> None:
    if not sys.stdin.isatty():
        raise PorteiroError("not_confirmed", f"{count} deliveries would be put back: say --yes, or --dry-run to see")
    typer.confirm(f"Put {count} deliveries back?", abort=True)


def _show_changes(at: Opened, wanted: Sequence[UUID], as_json: bool) -> None:
    """Reads the deliveries as today, and shows those of which something else would become."""
    from opv.replay import preview

    house = at.program.houses.current(at.tx)
    read = 0
    changed: list[tuple[Preview, str]] = []
    with bar("lendo", len(wanted)) as seen:
        for one in preview(at.tx, wanted, house):
            read += 1
            seen(1)
            if one.before != one.after:
                entrance = house.entrances.get(one.channel)
                changed.append((one, entrance.key if entrance else ""))
    if as_json:
        items = [
            {"delivery": one.delivery, "channel": channel, "before": one.before._asdict(), "after": one.after._asdict()}
            for one, channel in changed
        ]
        show_json({"deliveries": read, "changes": items})
        return
    rows = [(one.delivery, channel, _words(one.before), _words(one.after)) for one, channel in changed]
    show_table("O que mudaria", ("Id", "Canal", "Hoje", "Relida"), rows)
    typer.echo(f"{len(changed)} of {read} deliveries would change; nothing was put back")


def _words(became: Became) -> str:
    return " ".join(filter(None, became))


def _put_back(program: Runtime, wanted: Sequence[UUID]) -> None:
    from opv.replay import READ_AT_ONCE, replay_all

    done: set[UUID] = set()
    with bar("devolvendo", len(wanted)) as seen:
        for start in range(0, len(wanted), READ_AT_ONCE):
            part = wanted[start : start + READ_AT_ONCE]
            with program.database.write() as tx:
                done.update(replay_all(tx, part, program.clock(), "command line"))
            seen(len(part))
    for delivery in wanted:
        if delivery not in done:
            typer.echo(
                f"{delivery}: there is no such delivery, it still waits to be processed, or it was erased", err=True
            )
    typer.echo(f"{len(done)} of {len(wanted)} deliveries put back; workers read them within seconds")
    if len(done) < len(wanted):
        raise typer.Exit(1)


def _line(delivery: DeliveryItem, at: Opened) -> tuple[object, ...]:
    return (delivery.id, delivery.channel, delivery.source, at.moment(delivery.received_at), delivery.outcome,
            delivery.reason, len(delivery.submissions))  # fmt: skip


def _show(delivery: DeliveryDetail, at: Opened) -> None:
    fields = [
        ("Canal", delivery.channel),
        ("Fonte", delivery.source),
        ("Recebida em", at.moment(delivery.received_at)),
        ("Resultado", delivery.outcome),
        ("Motivo", delivery.reason),
        ("Detalhe", delivery.detail),
        ("Reenvios", delivery.replays or None),
        ("Aceita em", at.moment(delivery.accepted_at)),
        ("Apagada em", at.moment(delivery.erased_at)),
        ("SHA-256", delivery.sha256),
        ("URL", delivery.url),
        ("Cabeçalhos", "\n".join(f"{name}: {value}" for name, value in delivery.headers.items())),
        ("Corpo", delivery.body),
    ]
    show_fields(f"Entrega {delivery.id}", fields)
    rows = [
        (s.external_id, s.state, s.outcome, s.reason, s.detail, s.opv, s.failures, at.moment(s.due_at))
        for s in delivery.submissions
    ]
    show_table("Envios", _SUBMISSIONS, rows)


def _write_raw(at: Opened, ident: str) -> None:
    from db.queries import deliveries

    stored = deliveries.raw_request(at.tx, _id(ident))
    if stored is None:
        raise _unknown(ident)
    url, headers, body = stored
    parts = urlsplit(url)
    target = (parts.path or b"/") + (b"?" + parts.query if parts.query else b"")
    head = headers if headers.endswith(b"\r\n") or not headers else headers + b"\r\n"
    sys.stdout.flush()
    sys.stdout.buffer.write(b"POST " + target + b" HTTP/1.1\r\n" + head + b"\r\n" + body)
    sys.stdout.buffer.flush()


def _id(ident: str) -> UUID:
    try:
        return UUID(ident)
    except ValueError:
        raise _unknown(ident) from None


def _unknown(ident: str) -> Reject:
    return Reject("unknown_delivery", f"there is no delivery {ident}", 404)
