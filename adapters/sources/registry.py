"""The sources that this installation knows."""

from __future__ import annotations

import logging
from functools import cache

from adapters.sources.anapro import Anapro
from adapters.sources.base import Source
from adapters.sources.blip import Blip
from adapters.sources.chatwoot import Chatwoot
from adapters.sources.chaves_na_mao import ChavesNaMao
from adapters.sources.cv_crm import CvCrm
from adapters.sources.form import Form
from adapters.sources.google_lead_form import GoogleLeadForm
from adapters.sources.grupo_olx import GrupoOlx
from adapters.sources.hubspot import HubSpot
from adapters.sources.inbound_email import InboundEmail
from adapters.sources.jivochat import JivoChat
from adapters.sources.linkedin_lead_gen import LinkedInLeadGen
from adapters.sources.manychat import ManyChat
from adapters.sources.meta_lead_ads import MetaLeadAds
from adapters.sources.navent import Navent
from adapters.sources.packages import Brought, read_packages
from adapters.sources.rd_station import RdStation
from adapters.sources.sales_module import SalesModuleWebhook
from adapters.sources.standard_webhooks import StandardWebhooks
from adapters.sources.tally import Tally
from adapters.sources.trigger import TriggerSource
from adapters.sources.twilio_call import TwilioCall
from adapters.sources.typeform import Typeform
from adapters.sources.webflow import Webflow
from adapters.sources.whatsapp_cloud import WhatsappCloud

log = logging.getLogger("porteiro.sources")


def sources() -> dict[str, Source]:
    """Every source by slug: those of the house, and those that other packages bring."""
    return {**brought().sources, **house_sources()}


@cache
def brought() -> Brought:
    """What other packages bring. They are looked for once in a process, and what cannot be used is logged then."""
    found = read_packages(house_sources().keys())
    for one in found.left_out:
        log.error("%s", one)
    return found


def house_sources() -> dict[str, Source]:
    """A new instance of every source of the house, by slug."""
    known: tuple[Source, ...] = (
        Anapro(),
        Blip(),
        Chatwoot(),
        ChavesNaMao(),
        CvCrm(),
        Form(),
        GoogleLeadForm(),
        GrupoOlx(),
        HubSpot(),
        InboundEmail(),
        JivoChat(),
        LinkedInLeadGen(),
        ManyChat(),
        MetaLeadAds(),
        Navent(),
        RdStation(),
        SalesModuleWebhook(),
        StandardWebhooks(),
        Tally(),
        TriggerSource(),
        TwilioCall(),
        Typeform(),
        Webflow(),
        WhatsappCloud(),
    )
    return {source.slug: source for source in known}
