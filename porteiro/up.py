"""Runs the processes of a Procfile: `porteiro up`.

Each process is the leader of a session of its own. One that dies is started again, later each time. A requested
stop ends all of them, and when the supervisor itself is killed they end too: on Linux the kernel tells each leader
(`PR_SET_PDEATHSIG`), and everywhere their standard input is a pipe that only the supervisor holds open, whose end
`hold_lifeline` waits for.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from schemas.errors import PorteiroError

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a process that died is started again; doubled each time it dies."""
PROVEN = 60.0
"""Seconds alive after which a process's earlier deaths are forgotten."""
GRACE = 7.5
"""Seconds from the request to stop to SIGKILL, so that all have ended within 10, also on a busy machine."""
LIFELINE = "PORTEIRO_LIFELINE"
"""Set in a process whose standard input ends when its supervisor does."""

_LINE = re.compile(r"^([A-Za-z0-9_-]+):\s*(\S.*)$")
_COLOURS = (36, 33, 32, 35, 34, 31)
_LONGEST_LINE = 64 * 1024
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def parse_procfile(text: str) -> dict[str, str]:
    """Commands by process name, in the order of the file (`name: command` lines, `#` comments). Raises
    `PorteiroError` with the line that is neither."""
    commands: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise PorteiroError("bad_procfile", f"Procfile line {number}: write `name: command`, not {line!r}")
        commands[match[1]] = match[2].strip()
    return commands


def processes(commands: Mapping[str, str], copies: Mapping[str, int]) -> Iterator[Process]:
    """The processes to run: as many copies of each command as `copies` says, one where it is silent."""
    for name, command in commands.items():
        count = copies.get(name, 1)
        for number in range(1, count + 1):
            yield Process(name if count == 1 else f"{name}.{number}", command)


@dataclass
class Process:
    """A command to keep alive and, while it runs, its leader, output pipe and unfinished line of output."""

    name: str
    command: str
    leader: subprocess.Popen[bytes] | None = None
    group: int | None = None
    """Process group of the newest leader; it may outlive the leader."""
    pipe: int = -1
    started: float = 0.0
    due: float = 0.0
    """When to start it (again), on the monotonic clock."""
    pause: float = FIRST_PAUSE
    output: bytearray = field(default_factory=bytearray)


class Supervisor:
    """Runs processes until SIGTERM, SIGINT or SIGHUP. `ready` is asked four times a second until it says yes."""

    def __init__(
        self, processes: list[Process], *, out: IO[str], colour: bool = False, ready: Callable[[], bool] | None = None
    ) -> None:
        self._processes = processes
        self._out = out
        self._colour = colour
        self._ready = ready
        self._width = max((len(process.name) for process in processes), default=0)
        self._selector = selectors.DefaultSelector()
        self._asked_to_stop = False
        self._kill_at: float | None = None
        self._lifeline, self._lifeline_end = os.pipe()  # nobody writes: the end closes with this process

    def run(self) -> None:
        """Starts all and returns when a requested stop has ended all. Must be called in the main thread."""
        read, write = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(write, False)
        self._selector.register(read, selectors.EVENT_READ, None)
        before = {number: signal.signal(number, self._stop) for number in _stopping()}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        wakeup = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        try:
            while self._step():
                pass
        finally:
            for process in self._processes:
                _signal_group(process, signal.SIGKILL)
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.close()
            for descriptor in (read, write, self._lifeline, self._lifeline_end):
                os.close(descriptor)

    def _stop(self, *_: Any) -> None:
        self._asked_to_stop = True

    def _step(self) -> bool:
        """Starts what is due, passes output on, notices deaths; False when a requested stop is through."""
        if self._asked_to_stop:
            if self._kill_at is None:
                self._wind_down()
        else:
            self._start_due()
            if self._ready is not None and self._ready():
                self._ready = None
        for key, _ in self._selector.select(self._patience()):
            if key.data is None:
                os.read(key.fd, 4096)
            else:
                self._pass_on(key.data)
        for process in self._processes:
            if process.leader is not None and process.leader.poll() is not None:
                self._died(process)
        return self._kill_at is None or self._any_left(self._kill_at)

    def _start_due(self) -> None:
        for process in self._processes:
            if process.leader is None and time.monotonic() >= process.due:
                self._start(process)

    def _wind_down(self) -> None:
        """Asks the leaders to end, so that each winds down what it started."""
        self._kill_at = time.monotonic() + GRACE
        for process in self._processes:
            if process.leader is not None:
                process.leader.send_signal(signal.SIGTERM)

    def _any_left(self, kill_at: float) -> bool:
        """Whether a process or what it left behind still runs; kills it when its time is up."""
        overdue = time.monotonic() - kill_at
        left = [process for process in self._processes if process.leader is not None or _signal_group(process, 0)]
        if overdue >= 0:
            for process in left:
                _signal_group(process, signal.SIGKILL)
        return bool(left) and overdue < 1

    def _patience(self) -> float | None:
        """Seconds to wait for output or a signal."""
        if self._kill_at is not None:
            return 0.05
        moments = [process.due for process in self._processes if process.leader is None]
        if self._ready is not None:
            moments.append(time.monotonic() + 0.25)
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _start(self, process: Process) -> None:
        # Whatever an earlier leader left behind must not run beside its successor.
        _signal_group(process, signal.SIGKILL)
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
        environment = {
            **os.environ,
            "PATH": path,
            "PYTHONUNBUFFERED": "1",
            LIFELINE: "stdin",
        }
        process.pipe, output = os.pipe()
        process.leader = subprocess.Popen(  # noqa: S602 - a Procfile's commands are shell commands, by its definition
            _shell_command(process.command, path),
            shell=True,
            stdin=self._lifeline,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 - this process has no other thread
        )
        os.close(output)
        os.set_blocking(process.pipe, False)
        process.group = process.leader.pid
        process.started = time.monotonic()
        self._selector.register(process.pipe, selectors.EVENT_READ, process)

    def _died(self, process: Process) -> None:
        code = process.leader.returncode if process.leader is not None else 0
        process.leader = None
        _signal_group(process, signal.SIGTERM)
        self._close_output(process)
        if self._asked_to_stop:
            self._say(process.name, "ended")
            return
        now = time.monotonic()
        if now - process.started >= PROVEN:
            process.pause = FIRST_PAUSE
        process.due = now + process.pause
        self._say(process.name, f"{_ending(code)}; starts again in {process.pause:g} s")
        process.pause = min(process.pause * 2, LONGEST_PAUSE)

    def _pass_on(self, process: Process) -> bool:
        """Prints the whole lines of what can be read; False when nothing can."""
        try:
            data = os.read(process.pipe, _LONGEST_LINE)
        except BlockingIOError:
            return False
        if not data:
            self._selector.unregister(process.pipe)
            return False
        *lines, rest = (bytes(process.output) + data).split(b"\n")
        if len(rest) >= _LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        process.output[:] = rest
        for line in lines:
            self._say(process.name, line.decode(errors="replace").rstrip("\r"))
        return True

    def _close_output(self, process: Process) -> None:
        """Passes on what is left of a dead leader's output, without waiting for others that hold its pipe."""
        if process.pipe in self._selector.get_map():
            for _ in range(64):
                if not self._pass_on(process):
                    break
        if process.pipe in self._selector.get_map():
            self._selector.unregister(process.pipe)
        os.close(process.pipe)
        if process.output:
            self._say(process.name, process.output.decode(errors="replace"))
            process.output.clear()

    def _say(self, name: str, line: str) -> None:
        prefix = f"{name:<{self._width}} | "
        if self._colour:
            index = next(i for i, process in enumerate(self._processes) if process.name == name)
            prefix = f"\033[{_COLOURS[index % len(_COLOURS)]}m{prefix}\033[0m"
        try:
            self._out.write(f"{prefix}{line}\n")
            self._out.flush()
        except OSError:
            self._out = open(os.devnull, "w")  # noqa: SIM115 - our reader is gone, the processes go on


def _stopping() -> list[signal.Signals]:
    """Signals that ask for a stop; a terminal that closes does, unless we were started to outlive it (nohup)."""
    outlives = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [signal.SIGTERM, signal.SIGINT, *([] if outlives else [signal.SIGHUP])]


def _shell_command(command: str, path: str) -> str:
    """The command such that a plain one takes its shell's place: signals are meant for the program."""
    plain = not set(command) & set(";&|<>()\n") and shutil.which(command.split(maxsplit=1)[0], path=path)
    return f"exec {command}" if plain else command


def _signal_group(process: Process, number: int) -> bool:
    """Sends a signal to what is left of the process's group; whether there was anything left."""
    if process.group is None:
        return False
    if process.leader is None:
        _reap(process.group)
    try:
        os.killpg(process.group, number)
    except ProcessLookupError:
        if process.leader is None:
            process.group = None
        return False
    return True


def _reap(group: int) -> None:
    """Buries the group's orphans, which are ours where no init process takes them (process 1 of a container)."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-group, os.WNOHANG) != (0, 0):
            pass


def _ending(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _die_with_parent() -> Callable[[], None] | None:
    """What a child on Linux runs before its program: asks the kernel for SIGTERM at the parent's death (prctl(2))."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def hold_lifeline() -> None:
    """Ends this process, and after the grace its whole group, when the supervisor that started it is gone.

    A no-op in a process that no supervisor started. The kernel's own message reaches only the leader that the
    supervisor started, which may be a shell, and there is none outside Linux.
    """
    if os.environ.pop(LIFELINE, None) == "stdin":
        threading.Thread(target=_wait_for_the_end, name="lifeline", daemon=True).start()


def _wait_for_the_end() -> None:
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os.killpg(0, signal.SIGKILL)
