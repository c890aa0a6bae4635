"""Invented people, as many as asked for, each with a phone and an e-mail of its own."""

from __future__ import annotations

GIVEN = ("Ana", "Bruno", "Carla", "Diego", "Elisa", "Fábio", "Gabriela", "Heitor", "Íris", "João")
FAMILY = ("Exemplo", "da Silva Exemplo", "Souza Exemplo", "de Oliveira Exemplo", "Lima Exemplo")

DDDS = ("11", "21", "31", "41", "51", "61", "71", "81", "91", "12")


def person(number: int) -> dict[str, str]:
    """The `number`-th person (0 to 99,999,999)."""
    return {
        "name": f"{GIVEN[number % 10]} {FAMILY[number // 10 % 5]}",
        "phone": f"+55{DDDS[number // 10_000_000]}98{number % 10_000_000:07d}",
        "email": f"pessoa{number}@example.com",
    }
