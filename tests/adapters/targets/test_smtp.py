"""E-mail, against a real server: what a mailbox gets, what each answer means, and that nothing is said in the open."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.http import RequestsClient
from adapters.targets.smtp import Smtp, SmtpOptions, mailbox_of
from adapters.targets.testing import NOTICE, NOW
from schemas.errors import Park, PorteiroError, Retry
from schemas.notice import Notice
from schemas.target import Message, Refused
from tests.adapters.targets.mail_server import MailServer, serving, write_authority

LOGIN: dict[str, Any] = {"username": "porteiro", "password": "segredo-de-exemplo"}


@pytest.fixture
def server() -> Iterator[MailServer]:
    with serving(MailServer()) as server:
        yield server


def send(
    server: MailServer, notice: Notice = NOTICE, *, key: str = "notice:1", seconds: float = 9.0, **options: Any
) -> None:
    said = {"host": "localhost", "port": server.port, "security": "none", "from": "Porteiro <leads@exemplo.com.br>"}
    message = Message(
        key, "notice", "email", notice.model_dump_json(), options=SmtpOptions.model_validate(said | options)
    )
    Smtp(RequestsClient(), lambda: NOW, seconds=seconds).send(message)


def fault(server: MailServer, notice: Notice = NOTICE, **options: Any) -> PorteiroError:
    with pytest.raises(PorteiroError) as raised:
        send(server, notice, **options)
    for private in ("Ana", "ana.exemplo", "Rita", "segredo"):
        assert private not in raised.value.reason + raised.value.detail
    return raised.value


def read(mail: bytes) -> EmailMessage:
    found = message_from_bytes(mail, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def test_what_the_mailbox_gets(server: MailServer) -> None:
    send(server)
    mail = read(server.mails[0])
    assert {name: str(mail[name]) for name in ("From", "To", "Subject", "Auto-Submitted")} == {
        "From": "Porteiro <leads@exemplo.com.br>",
        "To": "Ana Exemplo <ana.exemplo@example.com>",
        "Subject": NOTICE.subject,
        "Auto-Submitted": "auto-generated",
    }
    assert mail["Date"].datetime == NOW
    assert mail.get_content().splitlines() == [NOTICE.text, "", NOTICE.url]
    assert (mail.get_content_type(), mail.get_content_charset(), server.mails[0].isascii()) == (
        "text/plain",
        "utf-8",
        True,
    )
    assert server.commands[:3] == [
        "ehlo exemplo.com.br",
        "mail FROM:<leads@exemplo.com.br>",
        "rcpt TO:<ana.exemplo@example.com>",
    ]


def test_the_same_key_is_the_same_message(server: MailServer) -> None:
    server.says["."] = "lost"
    assert fault(server).reason == "no_answer"
    server.says.clear()
    send(server)
    send(server, key="notice:2")
    first, again, other = (read(mail)["Message-ID"] for mail in server.mails)
    assert first == again != other
    assert first.endswith("@exemplo.com.br>")


def test_whatever_a_name_holds_stays_in_its_header(server: MailServer) -> None:
    hostile = 'Zé "Ç\u2028" <x@y.z>\r\nBcc: outro@example.com\r\n\r\n.\r\n'
    notice = NOTICE.model_copy(
        update={"name": hostile, "subject": hostile * 9, "text": f"{hostile}\n.\nfim \x00", "url": None}
    )
    send(server, notice)
    mail = read(server.mails[0])
    assert {name.lower() for name in mail} == {
        "from", "to", "subject", "date", "message-id", "auto-submitted", "content-type", "content-transfer-encoding",
        "mime-version",
    }  # fmt: skip
    assert [one.addr_spec for one in mail["To"].addresses] == ["ana.exemplo@example.com"]
    assert "Bcc: outro@example.com" in mail["To"].addresses[0].display_name
    assert mail.get_content().endswith("\r\n.\r\nfim \x00\r\n")
    assert [one for one in server.commands if one.startswith("rcpt")] == ["rcpt TO:<ana.exemplo@example.com>"]


@pytest.mark.parametrize(
    ("says", "kind", "reason"),
    [
        ({"greeting": "421 busy"}, Retry, "smtp_421"),
        ({"greeting": "554 not for you"}, Park, "smtp_554"),
        ({"greeting": "HTTP/1.1 400 Bad Request"}, Retry, "no_answer"),
        ({"greeting": "close"}, Retry, "no_answer"),
        ({"greeting": "hang"}, Retry, "no_answer"),
        ({"greeting": "drip"}, Retry, "no_answer"),
        ({"MAIL": "451 later"}, Retry, "smtp_451"),
        ({"MAIL": "553 not your address"}, Park, "smtp_553"),
        ({"RCPT": "450 greylisted"}, Retry, "smtp_450"),
        ({"RCPT": "421 closing"}, Retry, "smtp_421"),
        ({"RCPT": "550 no mailbox Ana"}, Refused, "recipient_refused"),
        ({"RCPT": "close"}, Retry, "no_answer"),
        ({"DATA": "451 later"}, Retry, "smtp_451"),
        ({"DATA": "close"}, Retry, "no_answer"),
        ({".": "452 full"}, Retry, "smtp_452"),
        ({".": "554 junk of Ana"}, Refused, "message_refused"),
        ({".": "hang"}, Retry, "no_answer"),
        ({".": "drip"}, Retry, "no_answer"),
    ],
)
def test_what_an_answer_means(server: MailServer, says: dict[str, str], kind: type[PorteiroError], reason: str) -> None:
    server.says = says
    slow = {"hang", "drip"} & set(says.values())
    began = time.monotonic()
    error = fault(server, seconds=0.4 if slow else 9.0)
    assert (type(error), error.reason) == (kind, reason)
    assert time.monotonic() - began < 3
    if isinstance(error, Refused):
        assert "Ana" in (error.words or "")


def test_once_taken_nothing_sends_it_again(server: MailServer) -> None:
    for after in ("close", "500 what?", "hang"):
        server.says = {"QUIT": after}
        send(server, seconds=1.0)
    assert len(server.mails) == 3


@pytest.mark.parametrize(
    ("email", "reason"),
    [
        (None, "no_email"), ("", "no_email"), ("ana", "bad_email"), ("a@b\r\nRCPT TO:<c@d>", "bad_email"),
        ("a@b, c@d", "bad_email"), ("a@é..b", "bad_email"),
    ],
)  # fmt: skip
def test_a_person_without_an_address(server: MailServer, email: str | None, reason: str) -> None:
    error = fault(server, NOTICE.model_copy(update={"email": email}))
    assert (type(error), error.reason, server.commands) == (Park, reason, [])


def test_addresses_that_are_not_ascii(server: MailServer) -> None:
    send(server, NOTICE.model_copy(update={"email": "ana@construção.example"}))
    assert "rcpt TO:<ana@xn--construo-xza3b.example>" in server.commands
    error = fault(server, NOTICE.model_copy(update={"email": "joão@example.com"}))
    assert (type(error), error.reason) == (Park, "not_supported")


def test_what_is_no_notice_is_not_sent(server: MailServer) -> None:
    options = SmtpOptions.model_validate({"host": "localhost", "port": server.port, "from": "a@example.com"})
    for message in (Message("a:1", "other", "email", "{}", options=options), Message("a:1", "notice", "email", "x")):
        with pytest.raises(Park):
            Smtp(RequestsClient(), lambda: NOW).send(message)
    assert server.commands == []


def test_nobody_there() -> None:
    with serving(MailServer()) as server:
        pass
    assert (type(error := fault(server)), error.reason) == (Retry, "no_answer")


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encrypted_with_a_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, security: str) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", write_authority(tmp_path))
    with serving(MailServer(tls=security)) as server:  # type: ignore[arg-type] # one of the two
        send(server, security=security, **LOGIN)
        assert len(server.mails) == 1
        verbs = [command.split()[0].lower() for command in server.commands]
        hello = ["ehlo", "starttls"] if security == "starttls" else []
        assert verbs == [*hello, "ehlo", "auth", "mail", "rcpt", "data", "quit"]
        server.says["AUTH"] = "535 wrong"
        assert (type(error := fault(server, security=security, **LOGIN)), error.reason) == (Park, "not_authorized")
        server.says["AUTH"] = "454 later"
        assert (type(error := fault(server, security=security, **LOGIN)), error.reason) == (Retry, "smtp_454")


@pytest.mark.parametrize(
    ("says", "tls", "kind", "reason"),
    [
        ({}, "none", Park, "no_starttls"),
        ({"STARTTLS": "454 not now"}, "starttls", Retry, "smtp_454"),
        ({"STARTTLS": "501 no"}, "starttls", Park, "smtp_501"),
        ({"STARTTLS": "220 go on, in the open"}, "starttls", Retry, "no_answer"),
        ({}, "starttls", Retry, "no_answer"),  # its certificate is nobody's that we know
    ],
)
def test_nothing_is_said_in_the_open(says: dict[str, str], tls: Any, kind: type[PorteiroError], reason: str) -> None:
    with serving(MailServer(says, tls)) as server:
        error = fault(server, security="starttls", **LOGIN)
        assert (type(error), error.reason) == (kind, reason)
        assert {command.split()[0].lower() for command in server.commands} <= {"ehlo", "starttls"}


def test_a_certificate_of_another_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", write_authority(tmp_path))
    with serving(MailServer(tls="tls")) as server:
        assert fault(server, host="127.0.0.1", security="tls").reason == "no_answer"
        assert server.commands == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"username": "a"}, {"password": "b"}, {"security": "none", **LOGIN}, {"security": "ssl"}, {"from": "Porteiro"},
        {"from": "a@b\nBcc: c@d"}, {"port": 0}, {"host": "a b"},
    ],
)  # fmt: skip
def test_options_that_are_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SmtpOptions.model_validate({"host": "smtp.example.com", "from": "a@example.com"} | wrong)


def test_mailboxes() -> None:
    assert str(mailbox_of("leads@exemplo.com.br")) == "leads@exemplo.com.br"
    assert mailbox_of("Imobiliária X <leads@exemplo.com.br>").display_name == "Imobiliária X"
