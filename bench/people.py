"""Invented people, as many as asked for, each with a phone and an e-mail of its own."""

from __future__ import annotations

GIVEN = ("Ana", "Bruno", "Carla", "Diego", "Elisa", "Fábio", "Gabriela", "Heitor", "Íris", "João")
FAMILY = ("Exemplo", "da Silva Exemplo", "Souza Exemplo", "de Oliveira Exemplo", "Lima Exemplo")


def person(number: int) -> dict[str, str]:
    """The `number`-th person (0 to 99,999,999)."""
    return {
        "name": f"{GIVEN[number % 10]} {FAMILY[number // 10 % 5]}",
        "phone": f"+55119{number:08d}",
        "email": f"pessoa{number}@example.com",
    }
