"""Normalizing a lead: what a source says of a person becomes what the house can compare, store and dial.

One file a matter; each works on text alone and writes what it did into `Notes`. Bad values never cost a lead:
they are dropped from their field, kept in `raw` and flagged.
"""

from opv.normalize.lead import NormalizedLead, normalize
from opv.normalize.names import names_agree

__all__ = ["NormalizedLead", "names_agree", "normalize"]
