"""`porteiro history verify`: every chain, entry by entry."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    history = typer.Typer(help="The immutable history of the OPVs.", no_args_is_help=True)
    history.command("verify")(verify)
    app.add_typer(history, name="history")


def verify(
    since: Annotated[datetime | None, typer.Option(help="Only OPVs with an entry from this time (UTC) on.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
) -> None:
    """Recomputes every hash; tells each place where a history was changed, and exits 1 when there is one."""
    from datetime import UTC

    from db.queries.history import chains
    from opv.history import Fault
    from opv.history import verify as verify_chain
    from porteiro.cli.screen import opened

    opvs = entries = 0
    faults: list[tuple[int, Fault]] = []
    with opened() as program:
        for chain in chains(program.tx, since=since.replace(tzinfo=UTC) if since else None):
            opvs += 1
            entries += len(chain.entries)
            found = verify_chain(chain.opv, chain.seq, chain.head, chain.entries)
            faults.extend((chain.number, fault) for fault in found)
    if as_json:
        listed = [{"opv": str(f.opv), "number": n, "seq": f.seq, "what": f.what} for n, f in faults]
        print(json.dumps({"opvs": opvs, "entries": entries, "faults": listed}))
    else:
        for number, fault in faults:
            print(f"OPV {number}, entry {fault.seq}: {fault.what}", file=sys.stderr)
        print(f"{opvs} OPVs, {entries} entries: " + ("intact" if not faults else f"{len(faults)} faults"))
    if faults:
        raise typer.Exit(1)
