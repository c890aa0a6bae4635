"""How Meta's webhooks prove themselves, whatever the product: the signature of a request, and the handshake.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

from __future__ import annotations

import hmac

from pydantic import SecretStr

from adapters.sources.base import Entrance, Reject, Reply, Request, hmac_sha256_hex


def signed_by(request: Request, entrance: Entrance) -> int:
    """Index of the app secret that made `X-Hub-Signature-256` over the raw body. Raises `Reject` (401)."""
    scheme, _, signature = request.headers.get("x-hub-signature-256", "").partition("=")
    return hmac_sha256_hex(request.body, signature if scheme == "sha256" else None, entrance)


def challenge(request: Request, verify_token: SecretStr) -> Reply:
    """The bare challenge when mode and token are right. Raises `Reject` (403)."""
    token = request.query.get("hub.verify_token", "")
    same = hmac.compare_digest(token.encode("utf-8", "surrogatepass"), verify_token.get_secret_value().encode())
    sent = request.query.get("hub.challenge", "")
    if not same or not sent or request.query.get("hub.mode") != "subscribe":
        raise Reject("wrong_verify_token", "the verify token is missing or wrong", 403)
    return Reply(200, sent.encode("utf-8", "replace"), "text/plain")
