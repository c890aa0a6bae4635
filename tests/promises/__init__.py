"""What the program promises (docs/how-it-works.md), tested on real processes, databases and message brokers."""

import pytest

pytest.register_assert_rewrite("tests.promises.house", "tests.promises.ledger")
