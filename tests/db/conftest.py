from tests.pipeline import start as start
from tests.pipeline import start_on_postgresql as start_on_postgresql
