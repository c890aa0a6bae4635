"""Automations that another system starts, in the file."""

from __future__ import annotations

from tests.porteiro.configuration.test_targets import STAGES, problems

CHANNELS = """
channels:
  - {key: credito, source: trigger, secrets: ["${TOKEN}"]}
  - {key: site, source: form, secrets: ["${TOKEN}"]}
"""


def automation(channel: str) -> str:
    return f"automations: [{{key: a, on: {{webhook: {channel}}}, do: [{{notify: broker}}]}}]\n"


def test_a_webhook_is_a_channel_of_triggers() -> None:
    assert problems(STAGES + CHANNELS + automation("credito")) == []
    assert problems(STAGES + CHANNELS + automation("creditos")) == [
        "f.yaml:6:38: automations[0].on.webhook: "
        "there is no channel `creditos` of the source `trigger`, did you mean `credito`?"
    ]
    assert problems(STAGES + CHANNELS + automation("site")) == [
        "f.yaml:6:38: automations[0].on.webhook: "
        "channel `site` is of the source `form`, not `trigger`: it starts no automation"
    ]
    assert problems(STAGES + automation("credito")) == [
        "f.yaml:2:38: automations[0].on.webhook: "
        "there is no channel `credito` of the source `trigger`, there is none yet"
    ]
