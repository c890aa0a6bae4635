"""The channels' upkeep: alarms, health, reconciliation with the platforms, drift of their formats."""
