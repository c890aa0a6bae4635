"""Past leads against changed rules: who would have got what. Nothing is written."""

from opv.distribution.simulation.replay import simulate

__all__ = ["simulate"]
