"""The Celery application: one durable queue a step, messages without data, settings for lossless restarts.

Wake-ups are disposable (rows are leased, a sweep finds what a lost message would have), so: early ack, no publisher
confirms, no result backend, no ETA, no priorities. Measured evidence and hazards: docs/decisions/celery.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from celery import Celery
from kombu import Exchange, Queue

from workers.wake import STEPS

WAKE_EXPIRES = 60.0
"""Seconds after which a wake-up is not worth running: newer ones have been sent."""

ASK_EVERY = 5.0
"""Seconds for which a publisher may go without an answer of the broker."""

BEAT_EVERY = 2.0
"""Seconds between beat's wake-ups of each step."""


def task_name(step: str) -> str:
    """Name of a step's task; a public name, messages in flight hold it."""
    return f"porteiro.{step}"


def step_of(task: str) -> str:
    """The step whose task it is."""
    return task.removeprefix("porteiro.")


def create_app(
    name: str, broker_url: str, var: Path, steps: Callable[[], dict[str, Callable[[], None]]] | None = None
) -> Celery:
    """The application. `steps` gives, in the process that runs tasks, the function of each step; without it (web,
    beat) the application can only send."""
    app = Celery(name, broker=broker_url, set_as_current=False)
    if broker_url.startswith("filesystem"):
        app.conf.broker_transport = "workers.embedded:Transport"
    app.conf.update(_settings(name, broker_url, var))
    if steps is not None:
        for step in STEPS:
            app.task(name=task_name(step), ignore_result=True)(_body(steps, step))
    return app


def publisher(app: Celery) -> Callable[[str], None]:
    """A function that wakes a step by an empty message, for one thread. It raises when the broker does not answer."""
    return _Publisher(app).wake


class _Publisher:
    """Sends over one connection, and asks the broker something now and then: without confirms, a connection whose
    other end is gone takes messages for ever and says nothing."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._producer: Any = None
        self._ask_at = 0.0

    def wake(self, step: str) -> None:
        queue = _queue(str(self._app.main), step)
        if time.monotonic() >= self._ask_at and self._producer is not None:
            with suppress(Exception):  # then a new connection is tried at once
                self._ask(queue)
        try:
            if self._producer is None:
                self._producer = self._app.amqp.Producer(self._app.connection_for_write(), auto_declare=False)
                self._ask(queue)
            self._app.send_task(
                task_name(step), queue=queue, expires=WAKE_EXPIRES, retry=False, producer=self._producer
            )
        except Exception:
            self._disconnect()
            raise

    def _ask(self, queue: str) -> None:
        """Declares the queue, which the broker has to answer."""
        try:
            self._app.amqp.queues[queue](self._producer.channel).queue_declare()
        except Exception:
            self._disconnect()
            raise
        self._ask_at = time.monotonic() + ASK_EVERY

    def _disconnect(self) -> None:
        if self._producer is not None:
            self._producer.connection.collect()
            self._producer = None


def _body(steps: Callable[[], dict[str, Callable[[], None]]], step: str) -> Callable[[], None]:
    def run() -> None:
        steps()[step]()

    return run


def _queue(name: str, step: str) -> str:
    return f"{name}.{step}"


def _settings(name: str, broker_url: str, var: Path) -> dict[str, Any]:
    return {
        "task_queues": [
            Queue(_queue(name, step), Exchange(name), routing_key=_queue(name, step), durable=True) for step in STEPS
        ],
        "task_default_queue": _queue(name, "ingest"),
        "task_default_exchange": name,
        "task_create_missing_queues": False,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_store_errors_even_if_ignored": False,
        "task_acks_late": False,
        "task_send_sent_event": False,
        "worker_send_task_events": False,
        "worker_enable_remote_control": False,
        "control_queue_exclusive": False,
        "control_queue_durable": True,
        "event_queue_exclusive": False,
        "event_queue_durable": True,
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "worker_max_tasks_per_child": 100_000,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_connection_timeout": 4.0,
        "broker_pool_acquire_timeout": 5,
        "broker_heartbeat": 10,
        "broker_transport_options": _transport(broker_url, var),
        "timezone": "UTC",
        "enable_utc": True,
        "beat_scheduler": "workers.beat:Wakes",
        "beat_max_loop_interval": 1,
        "beat_schedule": {
            f"wake-{step}": {
                "task": task_name(step),
                "schedule": BEAT_EVERY,
                "options": {"queue": _queue(name, step), "expires": WAKE_EXPIRES},
            }
            for step in STEPS
        },
    }


def _transport(broker_url: str, var: Path) -> dict[str, Any]:
    """Options that a transport needs so that it neither hangs nor idles."""
    if broker_url.startswith("filesystem"):
        folder = var / "broker"
        for one in ("messages", "control"):
            (folder / one).mkdir(parents=True, exist_ok=True)
        return {
            "data_folder_in": str(folder / "messages"),
            "data_folder_out": str(folder / "messages"),
            "control_folder": str(folder / "control"),
            "polling_interval": 0.05,
        }
    if broker_url.startswith("redis"):
        return {
            "socket_timeout": 15,
            "socket_connect_timeout": 4,
            "socket_keepalive": True,
            "health_check_interval": 10,
        }
    return {"max_retries": 1, "confirm_publish": False, "socket_settings": {}, "read_timeout": 5, "write_timeout": 5}
