"""The targets that this installation knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.targets.base import Clock, ConfiguredTargetBase
from adapters.targets.conecta import Conecta
from adapters.targets.log import LogTarget
from adapters.targets.meta_conversions import MetaConversions
from adapters.targets.rd_station import RdStation
from adapters.targets.sales_module import SalesModule
from adapters.targets.smtp import Smtp
from adapters.targets.webhook import Webhook

if TYPE_CHECKING:
    from schemas.source import HttpClient
    from schemas.target import Target

OWN = ("log", "forward")
"""Those that are there without being configured."""


def configurable() -> dict[str, type[ConfiguredTargetBase]]:
    """Those that `targets` of the configuration may name, by slug."""
    known: tuple[type[ConfiguredTargetBase], ...] = (Conecta, MetaConversions, RdStation, SalesModule, Smtp, Webhook)
    return {one.slug: one for one in known}


def targets(http: HttpClient, clock: Clock) -> dict[str, Target]:
    """A new instance of every target, by slug."""
    from adapters.targets.forward import ForwardTarget  # late: the configuration is read without `requests`

    own: tuple[Target, ...] = (LogTarget(), ForwardTarget(clock))
    return {one.slug: one for one in (*own, *(made(http, clock) for made in configurable().values()))}
