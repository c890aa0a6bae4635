"""The limit of speed to lead: a worker whose two tasks do nothing, one after the other."""

from __future__ import annotations

import os
import socket

from celery import Celery
from kombu import Queue

NAME = os.environ.get("PORTEIRO_NAME", "bench-noop")


def application() -> Celery:
    """Two tasks: `first` sends `second`, which tells the bench by a datagram to the port in the message."""
    app = Celery(NAME, broker=os.environ.get("BROKER_URL", ""), set_as_current=False)
    app.conf.update(
        task_queues=[Queue(f"{NAME}.noop", durable=True)], task_default_queue=f"{NAME}.noop", task_ignore_result=True,
        worker_enable_remote_control=False, worker_prefetch_multiplier=1,
        broker_transport_options={"confirm_publish": False},
    )  # fmt: skip

    @app.task(name="noop.first")
    def first(port: int) -> None:
        app.send_task("noop.second", (port,), queue=f"{NAME}.noop")

    @app.task(name="noop.second")
    def second(port: int) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b".", ("127.0.0.1", port))

    return app


if __name__ == "__main__":
    application().worker_main(
        ["--quiet", "worker", "--concurrency=1", "--loglevel=ERROR", "--without-gossip", "--without-mingle",
         f"--hostname={NAME}@%h"]
    )  # fmt: skip
