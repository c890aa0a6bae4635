from tests.pipeline import start as start
from tests.pipeline import start_on_postgresql as start_on_postgresql
from tests.pipeline import start_on_sqlite as start_on_sqlite
