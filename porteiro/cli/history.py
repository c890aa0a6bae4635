"""`porteiro history`: every chain verified; checkpoints taken, listed and exported; the proof of one history."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from porteiro.cli.screen import AsJson, bar, built, opened, show_json, show_table
from schemas.errors import PorteiroError

if TYPE_CHECKING:
    from opv.history import Fault
    from opv.verification import Published

MOST_LISTED = 1000
"""Faults in the JSON answer; all are counted."""

_LISTED = ("Nº", "Quando", "OPVs", "Raiz", "Hash")


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    history = typer.Typer(help="The immutable history of the OPVs.", no_args_is_help=True)
    history.command("verify")(verify)
    history.command("checkpoint")(take)
    history.command("checkpoints")(listed)
    history.command("proof")(prove)
    app.add_typer(history, name="history")


def verify(
    since: Annotated[
        datetime | None, typer.Option(help="Only OPVs with an entry or a checkpoint from this time (UTC) on.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Checkpoints as exported, or a log with them, kept elsewhere.", exists=True)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recomputes every hash; tells each place where a history was changed, and exits 1 when there is one."""
    from db.queries.history import count
    from opv.verification import Chunk, verify_all

    published = _published(against)
    total, found = Chunk(), 0
    with built() as program:
        with program.database.read() as tx:
            opvs = None if since else count(tx)
        begin = since.replace(tzinfo=UTC) if since else None
        with bar("Históricos", opvs) as advance:
            for chunk in verify_all(program.database.snapshot, since=begin, published=published):
                total.opvs += chunk.opvs
                total.entries += chunk.entries
                total.checkpoints += chunk.checkpoints
                found += len(chunk.faults)
                total.faults.extend(chunk.faults[: MOST_LISTED - len(total.faults)])
                if not as_json:
                    _tell(chunk.faults)
                advance(chunk.opvs)
    if as_json:
        faults = [{"opv": f.opv and str(f.opv), "number": n, "seq": f.seq, "what": f.what} for n, f in total.faults]
        checked = {"opvs": total.opvs, "entries": total.entries, "checkpoints": total.checkpoints}
        typer.echo(json.dumps({**checked, "found": found, "faults": faults}))
    else:
        end = f"{found} faults" if found else "intact"
        typer.echo(f"{total.opvs} OPVs, {total.entries} entries, {total.checkpoints} checkpoints: {end}")
    if found:
        raise typer.Exit(1)


def take(as_json: AsJson = False) -> None:
    """Takes a checkpoint over all histories now; upkeep takes one each night."""
    from db.queries.history import count
    from opv.channels.by_hand import take_checkpoint
    from opv.checkpoints import Taken, Taking, line

    taken: Taken | None = None
    with built() as program:
        with program.database.read() as tx:
            house, opvs = program.houses.current(tx), count(tx)
        with bar("Históricos", opvs) as advance:
            before = 0
            for done in take_checkpoint(program.database, house, program.clock):
                if isinstance(done, Taking):
                    advance(done.tree.leaves - before)
                    before = done.tree.leaves
                taken = done if isinstance(done, Taken) else None
    if taken is None:
        raise PorteiroError("no_checkpoint", "no checkpoint was taken")
    one = taken.checkpoint
    if as_json:
        show_json(
            {"number": one.number, "at": one.at, "opvs": one.opvs, "root": one.root.hex(), "hash": one.hash.hex()}
        )
    else:
        typer.echo(line(one))


def listed(
    export: Annotated[Path | None, typer.Option(help="Write them into this file, a line each.")] = None,
    as_json: AsJson = False,
) -> None:
    """Lists the checkpoints, in order: what a house publishes, or mails to somebody who keeps it."""
    from db.queries.checkpoints import every_one
    from opv.checkpoints import line

    with opened() as at:
        found = every_one(at.tx)
    if export is not None:
        export.write_text("".join(f"{line(one)}\n" for one in found), encoding="utf-8")
    if as_json:
        items = [{"number": one.number, "at": one.at, "opvs": one.opvs, "root": one.root.hex(), "hash": one.hash.hex()}
                 for one in found]  # fmt: skip
        show_json({"items": items, "next": None})
    elif export is not None:
        typer.echo(f"{export}: {len(found)} checkpoints")
    else:
        rows = [(one.number, at.moment(one.at), one.opvs, one.root.hex(), one.hash.hex()) for one in found]
        show_table("Checkpoints do histórico", _LISTED, rows)


def prove(
    ident: Annotated[str, typer.Argument(help="Number or id.", metavar="OPV")],
    by: Annotated[str, typer.Option("--as", help="Key of the person who exports it.", metavar="PERSON")],
    _as_json: AsJson = False,
) -> None:
    """Prints the proof of an OPV's history, as JSON: `docs/check_proof.py` checks it. The history notes who did it."""
    from opv.access import viewer_of
    from opv.by_people import act
    from opv.proof import export, prove

    with built() as program:
        numbers: list[int] = []
        with program.database.write() as tx:
            house = program.houses.current(tx)
            viewer = viewer_of(by, house)
            if viewer is None:
                raise PorteiroError("unknown_person", f"there is no active person {by}")
            done = act(tx, house, viewer, program.clock(), ident, lambda at: numbers.append(export(at)))
        show_json(prove(program.database, done.opv, numbers[0]))


def _published(path: Path | None) -> Published | None:
    from opv.verification import published_lines

    if path is None:
        return None
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            found = published_lines(lines)
    except ValueError as error:
        raise typer.BadParameter(f"{path}: {error}") from None
    if not found:
        raise typer.BadParameter(f"{path} holds no checkpoint")
    return found


def _tell(faults: list[tuple[int | None, Fault]]) -> None:
    for number, fault in faults:
        place = "" if fault.opv is None else f"OPV {number or fault.opv}, entry {fault.seq}: "
        print(f"{place}{fault.what}", file=sys.stderr)
