"""Requests of data subjects (LGPD, arts. 18 and 19): what is held of a person and where it went, consent, erasure."""
