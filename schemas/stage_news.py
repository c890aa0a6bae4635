"""Word to the platform that a lead came from: where its OPV stands. Put together when it is sent, and not stored."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

KIND = "stage"
"""Kind of the message of which such news are the body."""

WON, LOST = "won", "lost"
"""The two ends of an OPV, beside the funnel's stages in a target's `stages`."""


@dataclass(frozen=True, slots=True)
class Platform:
    """What a target is told: of OPVs whose newest lead came through `source`. `holds`: it keeps where the lead stands,
    so that only the newest word counts; else it takes note of each."""

    source: str
    holds: bool


PLATFORMS = {"rd_station": Platform("rd_station", True), "meta_conversions": Platform("meta_lead_ads", False)}
"""Targets that are told of stages."""


class StageNews(BaseModel):
    """`name`: what the platform calls it; `at`: since when; `external_id`: of the lead there, as its capture card has
    it; `emails`, `phones` (E.164): the client's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    at: AwareDatetime
    external_id: str | None = None
    emails: list[str] = Field(default_factory=list)
    phones: list[str] = Field(default_factory=list)
