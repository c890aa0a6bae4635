"""An installation's queues at a real message broker."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from kombu import Connection
from redis import Redis

from workers.wake import STEPS


class Messages:
    """Looks at, empties and removes the queues of one `PORTEIRO_NAME`."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._queues = [f"{name}.{step}" for step in STEPS]
        self._name = name

    def consumers(self, queue: int = 0) -> int:
        """Processes that listen to a queue (RabbitMQ)."""
        with self._channel() as channel, contextlib.suppress(*channel.connection.channel_errors):
            found: int = channel.queue_declare(self._queues[queue], passive=True).consumer_count
            return found
        return 0

    def purge(self) -> int:
        """Throws away what waits in the queues; how many messages that was."""
        return sum(self._each(lambda channel, queue: channel.queue_purge(queue)))

    @contextlib.contextmanager
    def lost(self, every: float = 0.1) -> Iterator[None]:
        """Within it every message is thrown away that waits at one of the looks, so many seconds apart."""
        stopping = threading.Event()

        def run() -> None:
            while not stopping.wait(every):
                self.purge()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()

    def take_all(self) -> list[str]:
        """What waits in the queues, whole: properties, headers and body; the queues are empty then."""
        found: list[str] = []
        with self._channel() as channel:
            for queue in self._queues:
                while (message := channel.basic_get(queue, no_ack=True)) is not None:
                    found.append(f"{message.delivery_info} {message.properties} {message.headers} {message.body}")
        return found

    def delete(self) -> None:
        """Removes all that bears the name."""
        self._each(lambda channel, queue: channel.queue_delete(queue))
        if self._url.startswith("amqp"):
            with self._channel() as channel:
                channel.exchange_delete(self._name)
        elif self._url.startswith("redis"):
            with Redis.from_url(self._url) as redis:
                for pattern in (f"*{self._name}", f"*{self._name}.*"):
                    for key in redis.scan_iter(pattern):
                        redis.delete(key)

    def _each(self, do: Any) -> list[int]:
        """For each queue that is there; RabbitMQ closes the channel that names another one."""
        results = []
        with Connection(self._url) as connection:
            for queue in self._queues:
                with connection.channel() as channel, contextlib.suppress(*connection.channel_errors):
                    results.append(int(do(channel, queue) or 0))
        return results

    @contextlib.contextmanager
    def _channel(self) -> Iterator[Any]:
        with Connection(self._url) as connection, connection.channel() as channel:
            yield channel
