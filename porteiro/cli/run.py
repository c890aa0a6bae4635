"""Commands that run the house: `up`, `web`, `worker`, `beat`, `migrate`, `send`."""

from __future__ import annotations

import http.client
import json
import logging
import re
import shutil
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from porteiro.cli.configuration import user
from porteiro.cli.screen import clean, console, show_fields
from porteiro.settings import Settings, secrets
from schemas.errors import PorteiroError

if TYPE_CHECKING:
    from db.session import Database
    from porteiro.build import Runtime
    from porteiro.send import Report
    from schemas.config import Configuration

WEB_GRACE = 6
"""Seconds that open requests have after SIGTERM, within those of `porteiro.up.GRACE`."""


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (up, web, worker, beat, migrate, send):
        app.command()(command)


def web() -> None:
    """Answers HTTP: webhooks, API, console."""
    import uvicorn

    from porteiro.build import build_web
    from porteiro.up import hold_lifeline

    hold_lifeline()
    settings = Settings()
    config = uvicorn.Config(
        build_web(settings),
        host=settings.host,
        port=settings.port,
        ws="none",
        lifespan="on",
        access_log=settings.access_log,
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1",
        server_header=False,
        backlog=2048,
        timeout_graceful_shutdown=WEB_GRACE,
    )
    logging.getLogger("uvicorn.access").addFilter(without_secrets)
    server = uvicorn.Server(config)
    server.run()
    if not server.started:
        raise typer.Exit(3)


def without_secrets(record: logging.LogRecord) -> bool:
    """Takes the query, and what signs a link, out of an access log line."""
    if isinstance(record.args, tuple) and len(record.args) == 5:
        client, method, path, version, status = record.args
        shown = re.sub(r"^(/(?:accept|claim)/).*", r"\1***", str(path).partition("?")[0])
        record.args = (client, method, shown, version, status)
    return True


def worker() -> None:
    """Works through the steps of the pipeline (Celery)."""
    from porteiro.build import run_worker
    from porteiro.up import hold_lifeline

    hold_lifeline()
    run_worker(Settings())


def beat() -> None:
    """Wakes what is due, every few seconds (Celery beat)."""
    from porteiro.build import run_beat
    from porteiro.up import hold_lifeline

    hold_lifeline()
    run_beat(Settings())


def migrate() -> None:
    """Brings the database to the schema of this version."""
    from porteiro.build import build

    program = build(Settings())
    try:
        _migrate(program.database)
    finally:
        program.database.dispose()


def up(
    workers: Annotated[int, typer.Option("--worker", min=1, max=64, help="How many workers to run.")] = 1,
    procfile: Annotated[Path, typer.Option(help="The processes to run.")] = Path("Procfile"),
    first_run: Annotated[
        bool, typer.Option("--first-run", help="Makes the configuration from the example, and its secrets, if missing.")
    ] = False,
) -> None:
    """Migrates, applies the configuration and runs the Procfile's processes until SIGTERM or Ctrl-C."""
    from porteiro.up import Supervisor, parse_procfile, processes

    settings = Settings()
    commands = parse_procfile(procfile.read_text(encoding="utf-8"))
    commands.pop("release", None)
    if "web" in commands:
        _refuse_taken_port(settings)
    if first_run:
        _prepare_first_run(settings)
    configuration = _prepare_database(settings)
    supervisor = Supervisor(
        list(processes(commands, {"worker": workers})),
        out=sys.stdout,
        colour=sys.stdout.isatty(),
        ready=_greeting(settings, configuration) if "web" in commands else None,
    )
    supervisor.run()


def _refuse_taken_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            detail = f"port {settings.port} of {settings.host}: {error.strerror}; choose another, for example PORT=8001"
            raise PorteiroError("port_taken", detail) from None


def _prepare_first_run(settings: Settings) -> None:
    from porteiro.configuration.secrets import write_env

    if not settings.config.exists():
        shutil.copyfile("porteiro.example.yaml", settings.config)
        typer.echo(f"{settings.config}: made from porteiro.example.yaml; it is yours to change")
    names = write_env(settings, settings.config.read_text(encoding="utf-8"))
    if names:
        typer.echo(f"{settings.var / 'env'}: made secrets for {', '.join(names)}")


def _prepare_database(settings: Settings) -> Configuration | None:
    """Migrates and applies the configuration, which is given back; None when there is no file."""
    from porteiro.build import build

    program = build(settings)
    try:
        _migrate(program.database)
        return _apply(program) if settings.config.exists() else None
    finally:
        program.database.dispose()


def _apply(program: Runtime) -> Configuration:
    from porteiro.configuration.apply import apply
    from porteiro.configuration.load import load_file

    file = program.settings.config
    configuration, problems = load_file(file, program.sources, secrets(program.settings))
    for problem in problems:
        typer.echo(str(problem), err=True)
    if configuration is None:
        raise PorteiroError("bad_configuration", f"{file} is not applied: nothing is started")
    applied = apply(program.database, configuration, by=user(), now=program.clock())
    count = len(applied.changes)
    changed = f", {count} {'change' if count == 1 else 'changes'}" if count else ""
    typer.echo(f"configuration: version {applied.version} in force{changed}")
    return configuration


def _migrate(database: Database) -> None:
    from db.migrate import migrate

    before, after = migrate(database)
    change = f"is at {after}" if before == after else f"{before or 'empty'} → {after}"
    typer.echo(f"database schema: {change}")


def _greeting(settings: Settings, configuration: Configuration | None) -> Callable[[], bool]:
    """Looks whether the web answers and, once it does, says where and what to do next."""

    def ready() -> bool:
        if not _is_healthy(settings):
            return False
        typer.echo("\n".join(_welcome(settings, configuration)))
        return True

    return ready


def _is_healthy(settings: Settings) -> bool:
    host, port = settings.base_url.removeprefix("http://").rsplit(":", 1)
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=0.5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _welcome(settings: Settings, configuration: Configuration | None) -> Iterable[str]:
    program = sys.argv[0] if sys.argv[0].endswith("porteiro") else f"{sys.executable} -m porteiro"
    yield ""
    yield f"  Porteiro is running: {settings.base_url}/"
    if configuration is None:
        yield f"  There is no {settings.config} yet; write one and apply it:  {program} apply {settings.config}"
    else:
        sources = list(dict.fromkeys(channel.source for channel in configuration.channels))
        if sources:
            yield "  Send a first lead, in another shell:"
            yield from (f"    {program} send {source}" for source in sources)
        person = next((one.key for one in configuration.people if one.role == "director"), "PERSON")
        yield f"  A token for the API and the console:  {program} token create {person}"
        yield f"  What the channels are called and where they are posted to: {settings.base_url}/hooks/CHANNEL"
    yield ""


def send(
    source: Annotated[str, typer.Argument(help="The platform to play, for example grupo_olx.")],
    channel: Annotated[str | None, typer.Option(help="Key of the channel; the source's first one if left out.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many leads, one after the other.")] = 1,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the OPV.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Plays a platform: posts a signed sample of a new, invented person and shows the OPV that comes of it."""
    from porteiro.build import build
    from porteiro.send import PATIENCE, Platform, find_entrance

    settings = Settings()
    program = build(settings)
    try:
        with program.database.read() as tx:
            house = program.houses.current(tx)
        platform = Platform(program.database, house, find_entrance(house, source, channel), settings.base_url)
        if platform.is_fetched_from and not wait:
            raise PorteiroError("must_wait", f"{source} leads are fetched from the platform, played only while waiting")
        failed = False
        with platform.on_stage():
            for _ in range(count):
                report = platform.send(patience=PATIENCE if wait else 0)
                typer.echo(json.dumps(asdict(report), ensure_ascii=False)) if as_json else _show(report, wait)
                failed |= not report.accepted or (wait and not report.assigned)
    finally:
        program.database.dispose()
    if failed:
        raise typer.Exit(1)


_CAPTURE_LABELS = {
    "source": "Fonte", "channel": "Canal", "external_id": "Id externo", "campaign": "Campanha", "medium": "Mídia",
    "origin": "Origem", "development": "Empreendimento", "listing": "Anúncio",
}  # fmt: skip
_HINTS = {
    401: "the secrets differ: the web process read others from its environment or from the env file",
    404: "the web process knows no such channel: apply the configuration, or look whether PORT is another program's",
    503: "the web process cannot store: /readyz says why",
}


def _show(report: Report, waited: bool) -> None:
    console().print(
        Text.assemble(
            (report.person, "bold"), f" → {report.source}, canal {report.channel}: {report.status} ",
            clean(report.body[:200]), (f" ({report.ms['reply']:.0f} ms)", "dim"),
        )
    )  # fmt: skip
    if not report.accepted:
        typer.echo(f"refused: {_HINTS.get(report.status, 'the reply says why')}", err=True)
    elif report.opv is not None:
        show_fields(f"OPV {report.opv['number']}", _fields(report, report.opv, report.capture or {}))
    elif waited:
        typer.echo(f"no OPV came of it: {_why_none(report)}", err=True)


def _why_none(report: Report) -> str:
    if report.outcome is None:
        return "the delivery is not in this database: does the web process use the same DATABASE_URL?"
    if report.outcome == "pending":
        return f"still pending ({report.reason or 'is a worker running?'}); see `porteiro work`"
    return ", ".join(part for part in (report.outcome, report.reason, report.detail) if part)


def _fields(report: Report, opv: Mapping[str, Any], capture: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    yield "Cliente", opv["client"]
    yield "Etapa", opv["stage"]["name"]
    for label, part in (("Corretor", "broker"), ("Gerente", "manager"), ("Equipe", "team")):
        yield label, (opv[part] or {}).get("name")
    yield "Sem corretor", opv["undistributed"]
    for field, label in _CAPTURE_LABELS.items():
        yield label, capture.get(field)
    for run in report.automations:
        yield "Automação", ": ".join(part for part in (run["automation"], run["result"], run["because"]) if part)
    spans = {"assigned": "com corretor em", "advanced": "etapa avançada em"}
    yield "Tempo", ", ".join(f"{text} {report.ms[span]:.0f} ms" for span, text in spans.items() if span in report.ms)
