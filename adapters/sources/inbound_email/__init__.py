"""Leads that come by e-mail, through SendGrid, Mailgun or Postmark.

`source.py` is the source; `envelopes.py` reads what the services post, `text.py` what a mail says in HTML, `labels.py`
its lines of label and value, `contacts.py` who wrote it.
"""

from adapters.sources.inbound_email.source import InboundEmail

__all__ = ["InboundEmail"]
