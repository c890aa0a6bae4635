"""The outside world, one file per system: `sources` read what comes in, `targets` send what goes out."""
