"""The composition root and the command line; imported by entry points alone."""
