"""From the YAML file to the house in force: read it, check it, show what changes, apply it, keep it at hand."""
