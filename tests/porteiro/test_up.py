"""`porteiro up` as a real process, with a Procfile of small commands."""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from porteiro.up import parse_procfile, processes
from schemas.errors import PorteiroError

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


class Up:
    """A running `porteiro up` and the lines that it prints."""

    def __init__(self, folder: Path, procfile: str, *arguments: str) -> None:
        (folder / "Processes").write_text(procfile)
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": f"sqlite:///{folder}/porteiro.db",
            "PORTEIRO_VAR": str(folder),
            "PORTEIRO_CONFIG": str(folder / "porteiro.yaml"),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "porteiro", "up", "--procfile", "Processes", *arguments],
            cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def line(self, pattern: str) -> re.Match[str]:
        """The next line that the pattern matches whole; lines before it are passed over."""
        seen = []
        while (line := self._lines.get(timeout=PATIENCE)) is not None:
            if match := re.fullmatch(pattern, line):
                return match
            seen.append(line)
        pytest.fail(f"it ended without a line {pattern!r} among {seen}")

    def children(self) -> list[psutil.Process]:
        """All that runs below it."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> None:
        """Kills what is left."""
        left = self.children() if self.process.poll() is None else []
        for one in left:
            one.kill()
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


Start = Callable[..., Up]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Up] = []

    def make(procfile: str, *arguments: str) -> Up:
        started.append(Up(tmp_path, procfile, *arguments))
        return started[-1]

    yield make
    for one in started:
        one.end()


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until_gone(found: list[psutil.Process], seconds: float) -> None:
    end = time.monotonic() + seconds
    while left := [process for process in found if alive(process)]:
        assert time.monotonic() < end, left
        time.sleep(0.05)


def test_what_dies_is_started_again_and_the_others_go_on(start: Start) -> None:
    up = start('app: echo "app is $$"; exec sleep 600\nworker: echo "worker is $$"; exec sleep 600\n')
    first = int(up.line(r"app    \| app is (\d+)")[1])
    worker = int(up.line(r"worker \| worker is (\d+)")[1])
    os.kill(first, signal.SIGKILL)
    up.line(r"app    \| was killed by SIGKILL; starts again in 0\.5 s")
    second = int(up.line(r"app    \| app is (\d+)")[1])
    assert second != first
    assert psutil.pid_exists(worker)


def test_what_keeps_dying_is_started_later_each_time(start: Start) -> None:
    up = start("worker: exit 3\n")
    for pause in ("0.5", "1", "2"):
        up.line(rf"worker \| ended with exit code 3; starts again in {re.escape(pause)} s")


def test_nothing_of_a_dead_process_runs_beside_its_successor(start: Start) -> None:
    up = start("worker: trap '' TERM; sleep 600 & echo \"pool $!\"; wait\n")
    pool = psutil.Process(int(up.line(r"worker \| pool (\d+)")[1]))
    leader = up.children()[0]
    leader.kill()
    up.line(r"worker \| pool \d+")
    assert not alive(pool)


def test_a_stop_is_asked_of_leaders_and_forced_on_the_stubborn_within_10_s(start: Start) -> None:
    up = start(
        "app: trap 'echo bye; exit 0' TERM; echo app; while :; do sleep 0.1; done\n"
        "worker: trap '' TERM; sleep 600 & echo worker; while :; do sleep 1; done\n"
    )
    up.line(r"worker \| worker")
    found = up.children()
    asked = time.monotonic()
    up.process.terminate()
    up.line(r"app    \| bye")
    assert up.process.wait(PATIENCE) == 0
    assert time.monotonic() - asked < 10
    wait_until_gone(found, 1)


def test_ctrl_c_is_a_requested_stop(start: Start) -> None:
    up = start("app: echo app; exec sleep 600\n")
    up.line(r"app \| app")
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(PATIENCE) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only Porteiro's own processes notice")
def test_no_child_outlives_a_killed_supervisor(start: Start) -> None:
    held = "from porteiro.up import hold_lifeline; hold_lifeline(); print('held'); import time; time.sleep(600)"
    up = start(f'app: exec sleep 600\nworker: true; python -c "{held}"; true\n')
    up.line(r"worker \| held")
    found = up.children()
    assert len(found) == 3
    up.process.kill()
    wait_until_gone(found, 10)


def test_output_is_passed_on_whole(start: Start) -> None:
    up = start("app: python -c \"print('x' * 1_000_000 + 'end')\"; command -v python; printf unfinished\n")
    up.line(r"app \| x*end")
    assert Path(up.line(r"app \| (/.*)")[1]).parent == Path(sys.executable).parent, "commands find this environment"
    up.line(r"app \| unfinished")


def test_each_worker_has_a_name_and_the_release_is_not_run(start: Start) -> None:
    up = start("release: echo x\nworker: echo here; exec sleep 600\n", "--worker", "2")
    assert {up.line(r"(\S+) +\| .+")[1] for _ in range(2)} == {"worker.1", "worker.2"}


def test_a_wrong_configuration_starts_nothing_and_all_its_problems_are_said(start: Start, tmp_path: Path) -> None:
    (tmp_path / "porteiro.yaml").write_text("funnel: {stages: [{key: new, name: Novo}]}\npeopel: []\nchanels: []\n")
    up = start("app: echo started; exec sleep 600\n")
    up.line(r".*porteiro\.yaml:2:.*people.*")
    up.line(r".*porteiro\.yaml:3:.*channels.*")
    up.line(r"porteiro: .* nothing is started")
    assert up.process.wait(PATIENCE) == 1


def test_the_first_run_makes_the_configuration_and_its_secrets_once(start: Start, tmp_path: Path) -> None:
    shutil.copy(ROOT / "porteiro.example.yaml", tmp_path)
    first = start("app: echo started; exec sleep 600\n", "--first-run")
    first.line(r"configuration: version 1 in force.*")
    first.line(r"app \| started")
    first.end()
    made = tmp_path / "porteiro.yaml"
    assert (tmp_path / "env").stat().st_mode & 0o777 == 0o600
    secrets = (tmp_path / "env").read_text()
    made.write_text(made.read_text().replace("Incorporadora Exemplo", "Incorporadora Minha"))
    second = start("app: echo started; exec sleep 600\n", "--first-run")
    second.line(r"configuration: version 2 in force, 1 change")
    assert "Incorporadora Minha" in made.read_text()
    assert (tmp_path / "env").read_text() == secrets


def test_procfile() -> None:
    commands = parse_procfile("# comment\nweb: porteiro web --x=1\n\nworker:porteiro worker\n")
    assert commands == {"web": "porteiro web --x=1", "worker": "porteiro worker"}
    names = [process.name for process in processes(commands, {"worker": 2})]
    assert names == ["web", "worker.1", "worker.2"]
    with pytest.raises(PorteiroError, match="line 2"):
        parse_procfile("web: x\nworker porteiro\n")
