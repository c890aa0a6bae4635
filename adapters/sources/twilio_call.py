"""Twilio Voice: calls to a tracking number, one form-encoded request for each status of a call.

The first notification of a call is the contact, its end a second one that tells how it went; on an open OPV both are
entries of the history. A number's voice URL expects TwiML, which a status callback does not mind.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import cast
from urllib.parse import urlencode

from pydantic import Field

from adapters.sources.base import (
    Entrance,
    Fields,
    Lead,
    NotALead,
    Park,
    Read,
    ReadLead,
    Reject,
    Reply,
    Request,
    Sample,
    SentPhone,
    Source,
    form_body,
    identifier,
    json_object,
    note_submitted_at,
)
from adapters.sources.signing import AddressedOptions, called_url, check_signature, sample_url

ENDED = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})
HIDDEN = ("anonymous", "restricted", "unavailable", "blocked", "unknown", "266696687", "7378742833", "2562533")
"""What stands for a caller who hides the number: words, and what they give on a telephone's keys."""


class TwilioOptions(AddressedOptions):
    """`campaigns` says which campaign a tracking number stands for: `"+553140000001": Lançamento Jardim`."""

    campaigns: dict[str, str] = Field(default_factory=dict)


class TwilioCall(Source):
    slug = "twilio_call"
    title = "Twilio (ligações)"
    documentation = "https://www.twilio.com/docs/usage/security"
    identity = "CallSid: one call, the same in each of its statuses; its end counts apart, to tell how the call went."
    options_model = TwilioOptions

    def verify(self, request: Request, entrance: Entrance) -> int:
        text, digest = called_url(request, entrance), request.query.get("bodySHA256")
        if digest is None:
            text += "".join(name + value for name, value in sorted(set(form_body(request.body))))
        elif hashlib.sha256(request.body).hexdigest() != digest.lower():
            raise Reject("wrong_signature", "the signature does not match: the body is not the one it is for", 401)
        presented = request.headers.get("x-twilio-signature", "").strip()
        return check_signature([presented], entrance, lambda key: [_signed(key, text)])

    def accepted(self, delivery: str) -> Reply:
        return Reply(200, b"<Response/>", "text/xml")

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        is_json = request.body.lstrip()[:1] == b"{"
        body = Fields(json_object(request.body) if is_json else dict(form_body(request.body)))
        call, caller, direction = body.text("CallSid"), body.text("From", "Caller"), body.text("Direction") or ""
        if call is None:
            raise Park("not_a_call", "the notification names no call (CallSid)")
        if direction.startswith("outbound"):
            return [NotALead("ignored", "outbound_call", "a call that the house made")]
        if caller is None or caller.strip().lstrip("+").lower() in HIDDEN:
            return [NotALead("ignored", "hidden_caller", "a call without its caller's number")]
        status, called = body.text("CallStatus"), body.text("To", "Called")
        lead = Lead(name=body.text("CallerName"), phones=[SentPhone(value=caller)])
        lead.campaign = cast(TwilioOptions, entrance.options).campaigns.get(called or "")
        note_submitted_at(lead, body.text("Timestamp"), entrance.timezone)
        lead.extra = {name: text for name, text in {"status": status, "called": called}.items() if text} | body.rest()
        end = ":end" if status in ENDED else ""
        return [ReadLead(identifier(call + end), lead, conversation="call")]

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        pairs = {
            "AccountSid": "ACexemplo0000000000000000000000001", "CallSid": f"CA{number:032x}", "From": person["phone"],
            "To": "+553140000000", "CallStatus": "completed", "CallDuration": "37", "Direction": "inbound",
            "CallerName": person["name"], "Timestamp": "Mon, 21 Sep 2026 14:59:00 +0000",
        }  # fmt: skip
        text = sample_url(entrance) + "".join(name + value for name, value in sorted(pairs.items()))
        signed = {"X-Twilio-Signature": _signed(entrance.secrets[0], text)}
        return {"Content-Type": "application/x-www-form-urlencoded", **signed}, urlencode(pairs).encode(), {}


def _signed(key: str, text: str) -> str:
    # SHA-1 is Twilio's choice.
    return base64.b64encode(hmac.digest(key.encode(), text.encode("utf-8", "surrogatepass"), "sha1")).decode()
