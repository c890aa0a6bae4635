"""Every route of the API as every viewer, compared with `access_matrix.txt`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from db.session import Database
from tests.stored import Stored
from tests.web.api import access_scenes
from tests.web.api.access_scenes import BODIES, MAKERS, STATES, VIEWERS, Scene, access_house
from tests.web.api.conftest import Served, files_in, now, serve
from web.api.app import create_api

MATRIX = Path(__file__).with_name("access_matrix.txt")
HIDDEN = (
    "GET /", "GET /metrics", "GET /api/v1/openapi.json", "GET /accept/{token}", "POST /accept/{token}",
    "GET /claim/{token}", "POST /claim/{token}",
)  # fmt: skip
"""Routes that the description leaves out."""

_ID = re.compile(r"([\w-]+)/\{\w+\}")
_OF_AN_OPV = re.compile(r"/api/v1/opvs/\{")


@pytest.fixture
def walked(database_url: str, tmp_path: Path) -> Iterator[Served]:
    """The API over an empty database of the matrix's house."""
    database, house = Database(database_url), access_house()
    api = create_api(
        database, lambda _tx: house, lambda _step: None, now, files_in(tmp_path), tried=lambda _text, in_force: in_force
    )
    for url in serve(api):
        served = Served(url, Stored(database), [])
        served.stored.channel()
        yield served
    database.dispose()


def matrix() -> dict[str, dict[str, str]]:
    """The file: by route, the expectation by column."""
    lines = [line for line in MATRIX.read_text().splitlines() if line and not line.startswith("#")]
    _, *columns = lines[0].split()
    assert columns == list(VIEWERS), "the columns are those of VIEWERS"
    found: dict[str, dict[str, str]] = {}
    for line in lines[1:]:
        method, path, *cells = line.split()
        assert len(cells) == len(columns), f"{method} {path}: {len(cells)} cells, {len(columns)} columns"
        assert f"{method} {path}" not in found, f"{method} {path} stands there twice"
        found[f"{method} {path}"] = dict(zip(columns, cells, strict=True))
    return found


def operations(served: Served) -> dict[str, dict[str, Any]]:
    """What the API says that it offers, by route."""
    described = served.call("/api/v1/openapi.json", None).json()["paths"]
    found = {f"{method.upper()} {path}": one for path, methods in described.items() for method, one in methods.items()}
    return {**found, **{route: {} for route in HIDDEN}}


def test_every_route_answers_each_viewer_as_the_matrix_says(walked: Served, tmp_path: Path) -> None:
    expected, offered = matrix(), operations(walked)
    assert not offered.keys() - expected.keys(), f"routes without a line in {MATRIX.name}"
    assert not expected.keys() - offered.keys(), f"lines of {MATRIX.name} without a route"
    asked = {route for route, operation in offered.items() if "requestBody" in operation}
    assert not asked - BODIES.keys(), f"routes that take a body, and have none in {access_scenes.__name__}"
    assert not (BODIES.keys() | STATES.keys()) - offered.keys(), f"{access_scenes.__name__} has what no route needs"
    numbers, wrong = count(1), []
    with requests.Session() as session:
        for route, cells in expected.items():
            for column, cell in cells.items():
                scene = Scene(walked.stored, column, next(numbers), tmp_path)
                opv = str(scene.opv) if cell[-1] in "+-" else ""
                answer = _ask(walked, session, route, scene)
                got = f"{answer.status_code}{opv and ('+' if opv in answer.text else '-')}"
                if got != cell:
                    wrong.append(f"{route} as {column}: {cell} expected, {got} answered: {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)


def _ask(walked: Served, session: requests.Session, route: str, scene: Scene) -> requests.Response:
    """Calls the route as the column's viewer, on things made for this call."""
    method, path = route.split()
    for segment in _ID.findall(path):
        assert segment in MAKERS, f"{path}: nothing in MAKERS makes the thing whose id follows {segment}/"
    if route in STATES:
        STATES[route](scene)
    filled = _ID.sub(lambda found: f"{found[1]}/{MAKERS[found[1]](scene)}", path)
    person = VIEWERS[scene.column]
    headers = {"Authorization": f"Bearer {walked.token(person)}"} if person else {}
    body: Callable[[Scene], dict[str, Any]] = BODIES.get(route, lambda _: {})
    return session.request(method, walked.url + filled, headers=headers, timeout=20, **body(scene))
