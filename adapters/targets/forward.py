"""Another system's own entrance, as a target: a delivery is sent on to it as it came."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from threading import local
from typing import ClassVar

import requests

from adapters.http import TIMEOUT
from adapters.targets.base import PATIENT, Clock, wait_asked
from schemas.errors import Park, Retry
from schemas.target import Message


class ForwardTarget:
    """Sends the request of a message. A 2xx answer ends it; its body is not read. Redirects are not followed: the
    address is the configuration's, and a delivery holds personal data."""

    slug: ClassVar[str] = "forward"

    def __init__(self, clock: Clock) -> None:
        self._sessions = local()
        self._clock = clock

    def send(self, message: Message) -> None:
        """Raises `Retry` (`no_answer`, `http_503`, …) or `Park` (`http_404`, `http_302`, …, `cannot_be_sent`)."""
        request = message.request
        if request is None:
            raise Park("no_request", "the message holds no request to send")
        try:
            with self._session().request(
                request.method, request.url, data=request.body, headers=dict(request.headers), auth=_as_it_is,
                timeout=TIMEOUT, allow_redirects=False, stream=True,
            ) as answer:  # fmt: skip
                status, after = answer.status_code, answer.headers.get("retry-after", "")
        except (requests.ConnectionError, requests.Timeout) as error:
            raise Retry("no_answer", f"the other system did not answer ({type(error).__name__})") from None
        except (requests.RequestException, ValueError) as error:
            raise Park("cannot_be_sent", f"no HTTP request can be made of it ({type(error).__name__})") from None
        if 200 <= status < 300:
            return
        if status in PATIENT or status >= 500:
            raise Retry(f"http_{status}", f"the other system answered {status}", wait_asked(after, self._clock()))
        raise Park(f"http_{status}", f"the other system answered {status}: it will not take this one")

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._sessions, "session", None)
        if session is None:
            session = self._sessions.session = requests.Session()
            session.headers.clear()  # those of the sender alone
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return session


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps credentials of this machine (`.netrc`) away from the sender's own."""
    return request
