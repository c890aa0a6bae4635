"""The pipeline's fixture."""

from tests.pipeline import start_on_sqlite

__all__ = ["start_on_sqlite"]
