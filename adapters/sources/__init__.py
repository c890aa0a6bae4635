"""One file per lead source; `base.py` is the contract, `registry.py` the list."""
