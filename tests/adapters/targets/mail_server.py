"""A mail server on this machine, over real SMTP, that misbehaves as it is told."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import trustme


@dataclass
class MailServer:
    """`says`: its reply to a verb, to `greeting`, to the `.` that ends a mail; `close` hangs up, `hang` says nothing,
    `drip` goes on for ever, `lost` (of the `.`) takes the mail and hangs up. `tls`: how it is encrypted."""

    says: dict[str, str] = field(default_factory=dict)
    tls: Literal["none", "starttls", "tls"] = "none"
    port: int = 0
    commands: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


REPLIES = {
    "greeting": "220 here",
    "DATA": "354 go on",
    "QUIT": "221 bye",
    "AUTH": "235 welcome",
    "STARTTLS": "220 go on",
}


@cache
def authority() -> trustme.CA:
    """Who vouches for the tests' servers, made anew in each process."""
    return trustme.CA()


def write_authority(folder: Path) -> str:
    """Writes the authority's certificate, to be named in SSL_CERT_FILE; gives the file's path."""
    path = folder / "authority.pem"
    authority().cert_pem.write_to_path(str(path))
    return str(path)


@cache
def server_context() -> ssl.SSLContext:
    """That of a server on `localhost`, whatever its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert("localhost").configure_cert(context)
    return context


@contextmanager
def serving(server: MailServer) -> Iterator[MailServer]:
    """The server at `server.port`."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                if server.tls == "tls":
                    self.request = server_context().wrap_socket(self.request, server_side=True)
                if self.say("greeting"):
                    self.talk()

        def talk(self) -> None:
            self.file, going = self.request.makefile("rb"), True
            while going and (line := self.file.readline()):
                command = line.decode().strip()
                server.commands.append(command)
                verb = command.split()[0].upper()
                going = self.say(verb)
                if going and verb == "STARTTLS" and "STARTTLS" not in server.says:
                    self.request = server_context().wrap_socket(self.request, server_side=True)
                    self.talk()
                    return
                if going and verb == "DATA" and "DATA" not in server.says:
                    mail = b"".join(line.removeprefix(b".") for line in iter(self.file.readline, b".\r\n"))
                    if server.says.get(".", "250")[0] in "2l":
                        server.mails.append(mail)
                    going = self.say(".")

        def finish(self) -> None:
            self.request.close()

        def say(self, verb: str) -> bool:
            """Whether the talk goes on."""
            reply = server.says.get(verb, REPLIES.get(verb, "250 ok"))
            if verb == "EHLO" and verb not in server.says:
                encrypted = isinstance(self.request, ssl.SSLSocket)
                offers = ["STARTTLS"] if server.tls == "starttls" and not encrypted else ["AUTH PLAIN LOGIN"]
                reply = "\r\n".join(["250-here", *(f"250-{one}" for one in offers), "250 8BITMIME"])
            if reply == "hang":
                server.over.wait(10)
            while reply == "drip" and not server.over.wait(0.02):
                self.request.sendall(b"2")
            if reply in ("hang", "drip", "close", "lost"):
                return False
            self.request.sendall(reply.encode() + b"\r\n")
            return True

    class Threads(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Says nothing."""

    running = Threads(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    server.port = running.server_address[1]
    try:
        yield server
    finally:
        server.over.set()
        running.shutdown()
        running.server_close()
        thread.join()
