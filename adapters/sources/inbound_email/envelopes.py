"""A mail out of the request of an inbound e-mail service.

* SendGrid Inbound Parse: a multipart form, headers as one text; in raw mode the whole message as it came.
  https://www.twilio.com/docs/sendgrid/for-developers/parsing-email/inbound-email
* Mailgun routes: the same under other names, urlencoded when nothing is attached, headers as JSON.
  https://documentation.mailgun.com/docs/mailgun/user-manual/receive-forward-store/receive-http
* Postmark: a JSON object. https://postmarkapp.com/developer/webhooks/inbound-webhook

They are told apart by their shape. Attachments are counted and left where they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.parser import HeaderParser
from email.utils import parseaddr
from typing import Any, NamedTuple

from adapters.sources.base import Fields, Park, Request, as_text, form_body, json_body, json_object, multipart_body
from schemas.source import percent_decoded

LONGEST_HEADER = 2_000
"""Characters of a header that are read."""

POSTMARK = (
    "From", "FromName", "FromFull", "To", "ToFull", "Cc", "CcFull", "Bcc", "BccFull", "OriginalRecipient", "Subject",
    "MessageID", "MessageStream", "ReplyTo", "MailboxHash", "Date", "TextBody", "HtmlBody", "StrippedTextReply", "Tag",
    "RawEmail", "Headers", "Attachments",
)  # fmt: skip
"""Fields of Postmark's object."""

LEFT = (
    "FromFull", "To", "ToFull", "CcFull", "BccFull", "RawEmail", "StrippedTextReply", "attachment-info", "charsets",
    "content-id-map", "envelope", "headers", "message-headers", "message-url", "sender", "signature", "stripped-html",
    "stripped-signature", "stripped-text", "timestamp", "to", "token",
)  # fmt: skip
"""What says nothing of a mail that other fields do not."""

# Python takes any codec by its name, very slow ones too. Mails in Portuguese are in one of these; who writes Latin-1
# means Windows' (https://encoding.spec.whatwg.org/#names-and-labels).
_CHARSETS = {
    "utf-8": "utf-8", "us-ascii": "cp1252", "iso-8859-1": "cp1252", "windows-1252": "cp1252",
    "iso-8859-15": "iso8859-15",
}  # fmt: skip
_SIGNED_PART = re.compile(rb'name="?(timestamp|token|signature)"?[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*+\r?\n([^\r\n]*)')
_SIGNED_PAIR = re.compile(rb"(?:^|&)(timestamp|token|signature)=([^&\s]*)")


class Signed(NamedTuple):
    """What Mailgun signs, and the signature. The message is not covered."""

    timestamp: str
    token: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail as its service tells of it. `sender` and `reply_to` are (name, address), empty where there is none;
    `headers` have lower-case names; `rest` is what the service says besides."""

    headers: Mapping[str, str]
    sender: tuple[str, str]
    reply_to: tuple[str, str]
    recipient: str
    subject: str
    text: str
    html: str
    attachments: int
    message_id: str
    rest: Mapping[str, Any]


def mail_of(request: Request) -> Mail:
    """The mail in a request. Raises `Park` when there is none to be found."""
    body, content_type = request.body, request.headers.get("content-type", "")
    start = body.lstrip()[:2]
    try:
        if start == b"--" or content_type.lower().startswith("multipart/"):
            return _posted(*multipart_body(body, content_type))
        if start[:1] in (b"{", b"[") or b"=" not in body:
            return _postmark(Fields(json_object(body)))
        return _posted(form_body(body.strip()), [])
    except RecursionError:
        raise Park("too_deep", "the mail is nested too deeply to be read") from None


def mailgun_signature(body: bytes) -> Signed | None:
    """Mailgun's signature in a form; None without one. Looks for its three fields alone: a body may be large, and
    who asks keeps others waiting."""
    multipart = body.lstrip().startswith(b"--")
    found = dict((_SIGNED_PART if multipart else _SIGNED_PAIR).findall(body))
    text = {name.decode(): one.decode("latin-1") if multipart else percent_decoded(one) for name, one in found.items()}
    return Signed(**text) if len(text) == 3 else None


def _postmark(sent: Fields) -> Mail:
    pairs = ((one.text("Name"), one.text("Value")) for one in map(Fields, sent.items("Headers")))
    headers = _headers((name, text) for name, text in pairs if name and text)
    name, address = _address(sent.text("From"))
    own_id, date = sent.text("MessageID") or "", sent.text("Date") or ""
    return Mail(
        headers={"date": date, **headers},
        sender=(sent.text("FromName") or name, address),
        reply_to=_address(sent.text("ReplyTo") or headers.get("reply-to")),
        recipient=sent.text("OriginalRecipient") or as_text(sent.take("To")) or "",
        subject=sent.text("Subject") or "",
        text=sent.text("TextBody") or "",
        html=sent.text("HtmlBody") or "",
        attachments=len(sent.items("Attachments")),
        message_id=headers.get("message-id") or own_id,
        rest=_rest(sent, {}),
    )


def _posted(pairs: list[tuple[str, str]], files: list[str]) -> Mail:
    """SendGrid's and Mailgun's fields, which do not contradict each other."""
    sent = Fields(dict(reversed(pairs)))
    charsets, envelope = _json(sent.text("charsets"), dict), _json(sent.text("envelope"), dict)
    listed = _json(sent.text("message-headers"), list)
    headers = _pairs_of(listed) if listed else _parsed_headers(sent.text("headers") or "")
    to = envelope.get("to")
    recipient = sent.text("recipient") or as_text(to[0] if isinstance(to, list) and to else to) or ""
    whole = sent.text("email", "body-mime")
    if whole is not None:
        return _message(whole, recipient)

    def take(*names: str) -> str:
        charset = next((text for name in names if (text := as_text(charsets.get(name)))), "")
        return _recoded(sent.text(*names) or "", charset.lower())

    count = sent.text("attachments", "attachment-count") or ""
    return Mail(
        headers=headers,
        sender=_address(take("from", "From") or headers.get("from")),
        reply_to=_address(take("Reply-To") or headers.get("reply-to")),
        recipient=recipient,
        subject=take("subject", "Subject") or headers.get("subject", ""),
        text=take("text", "body-plain"),
        html=take("html", "body-html"),
        attachments=int(count) if count.isdecimal() and len(count) < 5 else len(files),
        message_id=sent.text("Message-Id", "Message-ID") or headers.get("message-id", ""),
        rest=_rest(sent, headers),
    )


def _message(whole: str, recipient: str) -> Mail:
    """A message as it came (RFC 5322): the form's text goes back to the bytes that it was made of."""
    try:
        message = message_from_bytes(whole.encode("latin-1"))
    except UnicodeEncodeError:
        message = message_from_bytes(whole.encode("utf-8", "surrogatepass"))
    headers = _headers((name, _decoded(str(value))) for name, value in message.items())
    leaves = [part for part in message.walk() if not part.is_multipart()]
    bodies = {part.get_content_type(): part for part in reversed(leaves) if not _is_attached(part)}
    return Mail(
        headers=headers,
        sender=_address(headers.get("from")),
        reply_to=_address(headers.get("reply-to")),
        recipient=recipient or headers.get("to", ""),
        subject=headers.get("subject", ""),
        text=_content(bodies.get("text/plain")),
        html=_content(bodies.get("text/html")),
        attachments=sum(map(_is_attached, leaves)),
        message_id=headers.get("message-id", ""),
        rest={},
    )


def _rest(sent: Fields, headers: Mapping[str, str]) -> dict[str, Any]:
    """What is left; Mailgun sends each header a second time as a field."""
    sent.drop(*LEFT)
    return {name: value for name, value in sent.rest().items() if name.lower() not in headers}


def _json(text: str | None, kind: type[Any]) -> Any:
    """A field that holds JSON of this kind; an empty one when it does not."""
    try:
        value = json_body((text or "").encode("utf-8", "surrogatepass"))
    except Park:
        return kind()
    return value if isinstance(value, kind) else kind()


def _headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name; the first of a repeated one."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name.lower(), value.strip())
    return found


def _pairs_of(listed: list[Any]) -> dict[str, str]:
    pairs = (one for one in listed if isinstance(one, list) and len(one) == 2)
    return _headers((name, text) for one, two in pairs if (name := as_text(one)) and (text := as_text(two)))


def _parsed_headers(text: str) -> dict[str, str]:
    return _headers((name, _decoded(str(value))) for name, value in HeaderParser().parsestr(text).items())


def _decoded(header: str) -> str:
    """A header with its encoded words (RFC 2047) read; as it is when they cannot be."""
    if "=?" not in header or len(header) > LONGEST_HEADER:
        return header
    try:
        return str(make_header(decode_header(header)))
    except (LookupError, ValueError):
        return header


def _address(text: str | None) -> tuple[str, str]:
    """Name and address of `Rosa <rosa@…>`."""
    try:
        return parseaddr((text or "")[:LONGEST_HEADER])
    except RecursionError:  # groups in groups
        return "", ""


def _is_attached(part: Message) -> bool:
    return part.get_filename() is not None or part.get_content_disposition() == "attachment"


def _content(part: Message | None) -> str:
    payload = part.get_payload(decode=True) if part is not None else None
    if part is None or not isinstance(payload, bytes):
        return ""
    for name in (_CHARSETS.get(part.get_content_charset() or "", "utf-8"), "utf-8"):
        try:
            return payload.decode(name)
        except UnicodeDecodeError:
            continue
    return payload.decode("latin-1")


def _recoded(text: str, charset: str) -> str:
    """A form's text (read as UTF-8, else Latin-1) in the charset that the form declares for it."""
    codec = _CHARSETS.get(charset, "utf-8")
    try:
        return text if codec == "utf-8" else text.encode("latin-1").decode(codec)
    except UnicodeError:
        return text
