"""What makes an automation run, in words."""

from __future__ import annotations

from schemas.config import After, Before, Called, Changed, InStage, Schedule, Webhook, Without
from schemas.config.triggers import Trigger

_NOTHING = {"contact": "contato", "activity": "atividade"}


def in_words(on: Trigger) -> str:
    """The trigger as a sentence for people."""
    match on:
        case InStage():
            within = f", status {on.status}" if on.status else ""
            return f"na etapa {on.in_stage}{within} há {on.for_}"
        case Without():
            return f"sem {_NOTHING[on.without]} há {on.for_}"
        case Changed():
            before = f" de {_either(on.from_)}" if on.from_ else ""
            return f"{on.changed} muda{before}{f' para {_either(on.to)}' if on.to else ''}"
        case Before():
            return f"{on.by} antes de {on.before}"
        case After():
            return f"{on.by} depois de {on.after}"
        case Schedule():
            return f"agenda {on.cron}"
        case Webhook():
            return f"chamada do canal {on.webhook}"
        case Called():
            return "chamada por outra automação"
    return f"evento {on}"


def _either(values: list[str] | str) -> str:
    return values if isinstance(values, str) else " ou ".join(values)
