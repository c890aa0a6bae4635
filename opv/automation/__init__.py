"""Automations: triggers, conditions, actions, runs."""
