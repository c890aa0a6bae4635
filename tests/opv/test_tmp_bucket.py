from datetime import timedelta
from tests.pipeline import NOW, Start, lead
def test_it(start_on_sqlite: Start) -> None:
    p = start_on_sqlite(now=NOW + timedelta(seconds=1))
    p.deliver("site", lead(1, id=None))
    p.run()
    p.clock.now = NOW - timedelta(seconds=1)
    d = p.deliver("site", lead(1, id=None))
    p.clock.now = NOW + timedelta(seconds=2)
    p.set("deliveries", {"due_at": p.clock.now}, id=d)
    p.run()
    print([(r.outcome, r.key) for r in p.rows("submissions")])
    assert len(p.rows("capture_origins")) == 1
