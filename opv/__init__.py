"""What may happen to an OPV, as plain Python: no Celery, no HTTP; sources and targets are handed in."""
