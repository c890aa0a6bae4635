"""One file per system that messages go out to."""
