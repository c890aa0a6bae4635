"""`porteiro token`: create, list, revoke."""

from __future__ import annotations

import json

from db.queries.tokens import person_of
from schemas.errors import PorteiroError
from tests.porteiro.cli.conftest import Run
from tests.stored import Stored


def test_a_token_is_made_listed_and_revoked(stored: Stored, run: Run) -> None:
    token = run("token", "create", "ana").stdout.split()[-1]
    assert token.startswith("pt_")
    (listed,) = json.loads(run("token", "list", "--json").stdout)["items"]
    assert (listed["person"], listed["revoked_at"]) == ("ana", None)
    assert token not in run("token", "list").stdout
    with stored.database.read() as tx:
        assert person_of(tx, token) == "ana"
    assert run("token", "revoke", listed["id"]).exit_code == 0
    with stored.database.read() as tx:
        assert person_of(tx, token) is None
    for wrong in (("revoke", listed["id"]), ("revoke", "nonsense"), ("create", "ivo"), ("create", "nobody")):
        assert isinstance(run("token", *wrong).exception, PorteiroError)
