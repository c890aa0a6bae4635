"""How the channels do: what the database knows (`porteiro channels`), and what the platforms say when they are asked
(`porteiro channels check`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from porteiro.cli.screen import AsJson, Opened, built, opened, show_json, show_table
from schemas.errors import PorteiroError, Reject

if TYPE_CHECKING:
    from porteiro.build import Runtime
    from schemas.operations import ChannelItem
    from schemas.source import Checked, Entrance

_LISTED = ("Canal", "Fonte", "Estado", "Última entrega", "Última hora / usual", "Falhas de busca", "Última recusa",
           "Token", "Última reconciliação")  # fmt: skip
_STATES = {"ok": "ok", "silent": "silencioso", "refused": "recusa", "fetch_failing": "busca falha", "token": "token"}
_CHECKED = ("Canal", "O quê", "Estado", "Detalhe", "Até")


def list_unless_told(ctx: typer.Context) -> None:
    """Without a command: the list."""
    if ctx.invoked_subcommand is None:
        list_channels()


def list_channels(as_json: AsJson = False) -> None:
    """Shows how each channel does: deliveries now and usually, failures, refusals, token, reconciliation, alarms."""
    from db.queries.channels import channels

    with opened() as at:
        found = channels(at.tx, at.program.clock())
    if as_json:
        show_json({"items": found, "next": None})
        return
    show_table("Canais", _LISTED, [_row(one, at) for one in found])
    alarms = [
        (one.key, alarm.kind, alarm.detail, at.moment(alarm.raised_at)) for one in found for alarm in one.health.alarms
    ]
    if alarms:
        show_table("Alarmes abertos", ("Canal", "Alarme", "Detalhe", "Desde"), alarms)


def check(
    channel: Annotated[str | None, typer.Argument(help="Key of a channel; all, when none is named.")] = None,
    as_json: AsJson = False,
) -> None:
    """Asks the platforms: token, permissions, subscription, until when. Exit code 1 when something is not well."""
    from adapters.http import RequestsClient
    from opv.channels.by_hand import check as ask

    with built() as program:
        entrances = [active(program, channel)] if channel else _all(program)
        http = RequestsClient()
        answers: list[tuple[Entrance, Sequence[Checked], PorteiroError | None]] = []
        for entrance in entrances:
            try:
                answers.append((entrance, ask(program.database, entrance, http, program.clock), None))
            except PorteiroError as error:
                answers.append((entrance, (), error))
    if as_json:
        show_json({"items": [_answer(*one) for one in answers], "next": None})
    else:
        with opened() as at:
            show_table("O que as plataformas dizem", _CHECKED, [row for one in answers for row in _said(*one, at)])
    if any(error or not all(one.ok for one in checked) for _, checked, error in answers):
        raise typer.Exit(1)


def active(program: Runtime, channel: str) -> Entrance:
    """The channel of this key. Raises `Reject` when the configuration has none."""
    entrances = _all(program)
    for entrance in entrances:
        if entrance.key == channel:
            return entrance
    known = ", ".join(entrance.key for entrance in entrances) or "none"
    raise Reject("unknown_channel", f"there is no channel {channel}; there is: {known}", 404)


def _all(program: Runtime) -> list[Entrance]:
    with program.database.read() as tx:
        entrances = program.houses.current(tx).entrances.values()
    return sorted((one for one in entrances if not one.retired), key=lambda one: one.key)


def _row(one: ChannelItem, at: Opened) -> tuple[Any, ...]:
    health, refusals = one.health, one.refusals
    usual = "" if health.usual_per_hour is None else f" / {health.usual_per_hour:g}"
    refused = f"{refusals.last_reason} {at.moment(refusals.last_at)} ({refusals.total})" if refusals.total else None
    token, pull = health.token, health.reconciliation
    until = f" até {at.moment(token.until)}" if token and token.until else ""
    pulled = f"{at.moment(pull.at)} {pull.found} de {pull.seen}".strip() if pull and pull.at else ""
    return (
        f"{one.key} (aposentado)" if one.retired else one.key,
        one.source,
        _STATES[health.state],
        at.moment(one.last_delivery_at),
        f"{health.last_hour}{usual}",
        health.consecutive_failures or None,
        refused,
        None if token is None else ("ok" if token.ok else "falha") + until,
        " ".join(filter(None, (pulled, pull.reason if pull else None))) or None,
    )


def _answer(entrance: Entrance, checked: Sequence[Checked], error: PorteiroError | None) -> dict[str, Any]:
    said = [{"name": one.name, "ok": one.ok, "detail": one.detail, "until": one.until} for one in checked]
    failed = {"reason": error.reason, "detail": error.detail} if error else None
    return {"channel": entrance.key, "source": entrance.source.slug, "checked": said, "error": failed}


def _said(
    entrance: Entrance, checked: Sequence[Checked], error: PorteiroError | None, at: Opened
) -> list[tuple[Any, ...]]:
    if error is not None:
        return [(entrance.key, error.reason, "falha", error.detail, None)]
    if not checked:
        return [(entrance.key, None, None, "nada a perguntar a esta plataforma", None)]
    return [(entrance.key, one.name, "ok" if one.ok else "falha", one.detail, at.moment(one.until)) for one in checked]
