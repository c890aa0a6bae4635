"""Who serves an OPV: rules, gates, pickers, and the decision explained."""
