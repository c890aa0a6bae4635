"""Measured speed: `make bench`. Each figure stands beside its physical limit, measured in the same run."""
