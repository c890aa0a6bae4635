"""Whose turn it is: one module per strategy, all of them in memory, under the lock of the queue's row."""

from opv.distribution.pickers.line import Closed, Line, Load, Member, Pick
from opv.distribution.pickers.turns import STRATEGIES, Turns, turns_of

__all__ = ["STRATEGIES", "Closed", "Line", "Load", "Member", "Pick", "Turns", "turns_of"]
