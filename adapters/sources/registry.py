"""The sources that this installation knows."""

from __future__ import annotations

from adapters.sources.base import Source
from adapters.sources.form import Form
from adapters.sources.google_lead_form import GoogleLeadForm
from adapters.sources.grupo_olx import GrupoOlx
from adapters.sources.meta_lead_ads import MetaLeadAds


def sources() -> dict[str, Source]:
    """A new instance of every source, by slug."""
    known: tuple[Source, ...] = (Form(), GoogleLeadForm(), GrupoOlx(), MetaLeadAds())
    return {source.slug: source for source in known}
