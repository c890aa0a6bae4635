"""E-mail: what a person of the house or a client is told, through the house's mail server (RFC 5321, RFC 8314).

At least once, as everything here: `Message-ID` comes of the message's key, so that a second delivery is the same
message to a mailbox.
"""

from __future__ import annotations

import hashlib
import re
import smtplib
import ssl
from contextlib import closing, suppress
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from functools import cached_property
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from adapters.deadline import Deadline, Incoming, trusting
from adapters.targets.base import (
    MOST_WORDS,
    Clock,
    ConfiguredTargetBase,
    client_message_of,
    notice_of,
    options_of,
)
from schemas.client_message import KIND as CLIENT_MESSAGE
from schemas.client_message import ClientMessage
from schemas.errors import Park, PorteiroError, Retry
from schemas.notice import Notice
from schemas.source import HttpClient
from schemas.target import Message, Refused

WHO = "the mail server"
CONNECT = 10.0
"""Seconds for a connection."""
SECONDS = 30.0
"""From the greeting to the last answer: some servers take their time, to deter senders of junk."""

_ADDRESS = re.compile(r"""([^\s@<>()[\],;:\\"]{1,64})@([^\s@<>()[\],;:\\"]{1,253})""")


class SmtpOptions(BaseModel):
    """`security`: `starttls` (usually port 587), `tls` from the first byte (465), or `none` for a server of one's own
    network. `from` is an address or `Name <address>`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(pattern=r"^[!-~]+$")
    port: int = Field(587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = Field(None, min_length=1)
    password: SecretStr | None = Field(None, min_length=1)
    sender: str = Field(alias="from")

    @field_validator("sender")
    @classmethod
    def _is_a_mailbox(cls, sender: str) -> str:
        mailbox_of(sender)
        return sender

    @model_validator(mode="after")
    def _keeps_the_password(self) -> SmtpOptions:
        if (self.username is None) != (self.password is None):
            raise ValueError("`username` and `password` go together")
        if self.password is not None and self.security == "none":
            raise ValueError("a password goes over `security: starttls` or `tls` alone")
        return self


class Smtp(ConfiguredTargetBase):
    """Sends a notice, or a message to a client, as plain text."""

    slug: ClassVar[str] = "smtp"
    title: ClassVar[str] = "E-mail (SMTP)"
    options_model: ClassVar[type[BaseModel]] = SmtpOptions

    def __init__(self, http: HttpClient, clock: Clock, *, seconds: float = SECONDS) -> None:
        """`seconds`: by when the server must have taken a message."""
        super().__init__(http, clock)
        self._seconds = seconds

    def send(self, message: Message) -> None:
        """Raises `Retry` (`no_answer`, `smtp_451`, …), `Refused` (`recipient_refused`, `message_refused`) or `Park`
        (`no_email`, `bad_email`, `no_text`, `no_starttls`, `not_authorized`, …)."""
        options = options_of(message, SmtpOptions)
        letter = client_message_of(message) if message.kind == CLIENT_MESSAGE else notice_of(message)
        if not letter.email:
            raise Park("no_email", "the person has no e-mail")
        if not letter.text:
            raise Park("no_text", "an e-mail needs a text")
        try:
            mail = mail_of(letter, message.idempotency_key, mailbox_of(options.sender), self._clock())
        except ValueError:
            raise Park("bad_email", "the person's e-mail is no address") from None
        try:
            self._deliver(mail, options)
        except OSError as error:
            raise _fault(error) from None
        except ValueError as error:
            raise Park("cannot_be_sent", f"it cannot be said to {WHO} ({type(error).__name__})") from None

    def _deliver(self, mail: EmailMessage, options: SmtpOptions) -> None:
        with closing(self._connected(options)) as client:
            if options.security == "starttls":
                self._encrypt(client)
            if options.username is not None and options.password is not None:
                client.login(options.username, options.password.get_secret_value())
            client.send_message(mail)
            with suppress(OSError):  # it is taken, whatever happens now
                client.quit()

    def _connected(self, options: SmtpOptions) -> _Client:
        deadline, own = Deadline(self._seconds), mailbox_of(options.sender).domain
        if options.security == "tls":
            return _TlsClient(deadline, options.host, options.port, own, timeout=CONNECT, context=self._trusting)
        return _Client(deadline, options.host, options.port, own, timeout=CONNECT)

    def _encrypt(self, client: _Client) -> None:
        try:
            client.starttls(context=self._trusting)
        except smtplib.SMTPNotSupportedError:
            raise Park("no_starttls", f"{WHO} offers no encryption, and nothing is said in the open") from None

    @cached_property
    def _trusting(self) -> ssl.SSLContext:
        return trusting()


class _Client(smtplib.SMTP):
    """One that has answered by the deadline, or not at all."""

    def __init__(self, deadline: Deadline, *arguments: Any, **more: Any) -> None:
        self._deadline = deadline
        super().__init__(*arguments, **more)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = Incoming(self.sock, self._deadline).makefile()
        return super().getreply()


class _TlsClient(_Client, smtplib.SMTP_SSL):
    """The same, encrypted from the first byte."""


def mail_of(letter: Notice | ClientMessage, key: str, sender: Address, now: datetime) -> EmailMessage:
    """The letter as an e-mail. Raises `ValueError` when the person's e-mail is no address."""
    mail = EmailMessage(SMTP)
    mail["From"] = sender
    mail["To"] = mailbox_of(letter.email or "", letter.name or "")
    mail["Subject"] = _line(letter.subject or "")
    mail["Date"] = now
    mail["Message-ID"] = f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    text, url = letter.text or "", letter.url if isinstance(letter, Notice) else None
    link = [url] if url and url not in text else []
    mail.set_content("\n\n".join([text.rstrip(), *link]) + "\n", cte="quoted-printable")
    return mail


def mailbox_of(text: str, name: str | None = None) -> Address:
    """An address, or `Name <address>` when no name is given. The domain is in ASCII. Raises `ValueError`."""
    called, spec = (name, text) if name is not None else parseaddr(text)
    found = _ADDRESS.fullmatch(spec)
    if found is None or not text.isprintable():
        raise ValueError("write an address, `Name <name@example.com>` or `name@example.com`")
    return Address(_line(called), found[1], found[2].encode("idna").decode())


def _line(text: str) -> str:
    """The text on one line: a header ends where a line does."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _fault(error: OSError) -> PorteiroError:
    """What went wrong, and whether a later try can go better."""
    said: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, said = error.smtp_code, error.smtp_error
    elif isinstance(error, smtplib.SMTPException) and not isinstance(error, smtplib.SMTPServerDisconnected):
        return Park("not_supported", f"{WHO} cannot do what the message or the options ask for")
    else:
        return Retry("no_answer", f"{WHO} did not answer ({type(error).__name__})")
    detail = f"{WHO} answered {code}"
    if not 400 <= code < 600:
        return Retry("no_answer", f"{WHO} answered something else than an SMTP reply")
    if code < 500:
        return Retry(f"smtp_{code}", detail)
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return Refused("recipient_refused", f"{detail} to the recipient", words[:MOST_WORDS])
    if isinstance(error, smtplib.SMTPDataError):
        return Refused("message_refused", f"{detail} to the message", words[:MOST_WORDS])
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return Park("not_authorized", f"{detail}: it does not accept user name and password")
    return Park(f"smtp_{code}", f"{detail}: it will not talk to this house, or not for this sender")
