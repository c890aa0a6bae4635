"""The pipeline's fixtures."""

from tests.pipeline import start, start_on_postgresql, start_on_sqlite

__all__ = ["start", "start_on_postgresql", "start_on_sqlite"]
