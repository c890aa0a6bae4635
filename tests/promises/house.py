"""A running installation: `porteiro web`, `worker` and `beat` as real processes, each in a session of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path

import psutil

from db.session import Database
from tests.promises.ledger import Ledger
from tests.promises.messages import Messages
from tests.promises.platforms import Platforms

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
"""Seconds until something that must happen is taken not to happen."""
LEASE = 2
"""Seconds until the rows of a killed worker come due again."""

SECRETS = {
    "ZAP_SECRET": "zap/chave+Nº1=segura",
    "META_APP_SECRET": "meta-app-0f3a9c5e7b1d",
    "META_VERIFY": "meta verificação & 42%",
    "META_TOKEN": "EAAGmetaPageToken0987654321",
    "GOOGLE_KEY": 'google"chave\\secreta',
    "SITE_TOKEN": "site-token-8c2b4d6f",
}
BROKERS = ("ana", "bia", "caio", "davi", "eva", "fred", "gil")

CONFIGURATION = """
people:
  - {{key: rui, name: Rui Diretor, role: director}}
  - {{key: paula, name: Paula Gerente, role: manager}}
  - {{key: ana, name: Ana Corretora, role: broker}}
  - {{key: bia, name: Bia Corretora, role: broker}}
  - {{key: caio, name: Caio Corretor, role: broker}}
  - {{key: davi, name: Davi Corretor, role: broker}}
  - {{key: eva, name: Eva Corretora, role: broker}}
  - {{key: fred, name: Fred Corretor, role: broker}}
  - {{key: gil, name: Gil Corretor, role: broker}}
teams: [{{key: sul, name: Equipe Sul, managers: [{{person: paula, brokers: [{brokers}]}}]}}]
developments: [{{key: jardim, name: Residencial Jardim, listings: [AP-0101], teams: [sul]}}]
channels:
  - {{key: zap, source: grupo_olx, secrets: ["${{ZAP_SECRET}}"]}}
  - key: meta
    source: meta_lead_ads
    secrets: ["${{META_APP_SECRET}}"]
    options: {{verify_token: "${{META_VERIFY}}", page_token: "${{META_TOKEN}}", api_url: "http://127.0.0.1:{graph}"}}
  - {{key: google, source: google_lead_form, secrets: ["${{GOOGLE_KEY}}"]}}
  - {{key: site, source: form, secrets: ["${{SITE_TOKEN}}"]}}
funnel: {{stages: [{{key: new, name: Novo lead}}, {{key: contacted, name: Em atendimento}}]}}
distribution: {{rules: [{{key: any, queue: {{teams: [sul]}}}}]}}
automations: [{{key: first-contact, on: opv.assigned, do: [{{advance: contacted}}, {{notify: broker}}]}}]
"""

_numbers = count(1)


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(holds: Callable[[], object], what: str, seconds: float = PATIENCE, every: float = 0.05) -> None:
    """Returns as soon as it holds; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"within {seconds:g} s: {what}"
        time.sleep(every)


class Process:
    """A process of the installation; what it writes goes to a file."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: Path) -> None:
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """Of the leader."""
        return self._popen.pid

    @property
    def is_alive(self) -> bool:
        """Whether the leader runs."""
        return self._popen.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the whole session: a worker's pool too."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """`kill -9` of all of it."""
        self.signal(signal.SIGKILL)
        self._popen.wait(PATIENCE)

    def stop(self, seconds: float = PATIENCE) -> int:
        """SIGTERM to the leader; its exit code."""
        self._popen.terminate()
        return self._popen.wait(seconds)

    def tree(self) -> list[psutil.Process]:
        """The leader and all below it."""
        leader = psutil.Process(self.pid)
        return [leader, *leader.children(recursive=True)]


class Installation:
    """One installation with a name, a port, a folder and secrets of its own."""

    def __init__(self, folder: Path, database_url: str, broker_url: str, **environment: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.name = f"promises-{os.getpid()}-{next(_numbers)}"
        self.port, self.graph_port = free_port(), free_port()
        text = CONFIGURATION.format(brokers=", ".join(BROKERS), graph=self.graph_port)
        (folder / "porteiro.yaml").write_text(text, encoding="utf-8")
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PORTEIRO_")},
            "DATABASE_URL": database_url, "BROKER_URL": broker_url, "PORT": str(self.port),
            "PORTEIRO_NAME": self.name, "PORTEIRO_VAR": str(folder), "PORTEIRO_CONFIG": str(folder / "porteiro.yaml"),
            "PORTEIRO_CONCURRENCY": "1", "PORTEIRO_LEASE_SECONDS": str(LEASE), **SECRETS, **environment,
        }  # fmt: skip
        self.database = Database(database_url or f"sqlite:///{folder / 'porteiro.db'}")
        self.ledger = Ledger(self.database)
        self.messages = Messages(broker_url or "memory://", self.name)
        self.platforms = Platforms(self.port, self.graph_port, SECRETS)
        self._processes: list[Process] = []

    def run(self, *arguments: str) -> str:
        """A command of the program, to its end; what it printed. It must not fail."""
        done = subprocess.run(
            [sys.executable, "-m", "porteiro", *arguments], cwd=ROOT, env=self.environment, capture_output=True,
            text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"porteiro {arguments[0]}: {done.stderr}"
        return done.stdout

    def start(self, *kinds: str) -> list[Process]:
        """Starts `porteiro <kind>` for each; web answers when this returns."""
        started = [self.spawn(kind, sys.executable, "-m", "porteiro", kind) for kind in kinds]
        if "web" in kinds:
            self.wait_for_web()
        return started

    def spawn(self, name: str, *command: str) -> Process:
        """Starts a command as a process of the installation; its output is in `<name>.log`."""
        process = Process(command, self.environment, self.folder / f"{name}.log")
        self._processes.append(process)
        return process

    def wait_for_web(self) -> None:
        """Until web answers."""
        wait_until(self._is_healthy, "web answers", every=0.02)

    def wait_for_workers(self, count: int) -> None:
        """Until so many workers listen (RabbitMQ)."""
        wait_until(lambda: self.messages.consumers() == count, f"{count} workers listen")

    def _is_healthy(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def logs(self) -> str:
        """All that the processes wrote."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def close(self) -> None:
        """Kills every process and leaves nothing at the message broker. What they wrote is shown if the test failed."""
        for process in self._processes:
            process.kill()
        sys.stdout.write(self.logs())
        self.platforms.close()
        self.messages.delete()
        self.database.dispose()


class Supervised:
    """Keeps one kind of process of a house alive, as `porteiro up` does: one that ends is started again."""

    def __init__(self, house: Installation, kind: str) -> None:
        self._house = house
        self._kind = kind
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Supervised:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        (process,) = self._house.start(self._kind)
        while not self._stopping.wait(0.2):
            if not process.is_alive:
                time.sleep(0.5)
                (process,) = self._house.start(self._kind)
