"""Sources that other packages bring, from packages as pip leaves them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.sources import registry
from adapters.sources.packages import Brought, read_packages

CODE = """
from adapters.sources.base import Source

class Portal(Source):
    slug = "portal"
    title = "Portal"
    documentation = "https://portal.example/leads"
    identity = "its id"

class Other(Portal):
    slug = "other"

class Silent(Source):
    slug = "silent"

def other():
    return Other()
"""


class Install:
    """Makes a package known with its entry points."""

    def __init__(self, site: Path) -> None:
        self._site = site

    def __call__(self, package: str, *points: str) -> None:
        folder = self._site / f"{package.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text("\n".join(["[porteiro.sources]", *points]))


@pytest.fixture(autouse=True)
def looked_for_anew() -> Iterator[None]:
    registry.brought.cache_clear()
    yield
    registry.brought.cache_clear()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "portal_leads.py").write_text(CODE)
    (tmp_path / "torn_leads.py").write_text("import there_is_no_such_module")
    return Install(tmp_path)


def problems(found: Brought) -> dict[str, str]:
    return {f"{one.package}: {one.slug}": one.problem for one in found.left_out}


def test_a_class_and_a_callable_are_sources_like_any_other(install: Install) -> None:
    install("portal-leads", "portal = portal_leads:Portal", "other = portal_leads:other")
    known = registry.sources()
    assert (known["portal"].title, known["other"].slug) == ("Portal", "other")
    assert known.keys() - registry.house_sources().keys() == {"portal", "other"}
    assert registry.brought().packages == {"portal": "portal-leads 1.0", "other": "portal-leads 1.0"}


def test_one_that_cannot_be_used_is_named_with_its_package_and_costs_the_others_nothing(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("a-torn", "torn = torn_leads:Torn", "gone = portal_leads:Gone", "portal = portal_leads:Portal")
    install("b-double", "portal = portal_leads:Portal", "form = portal_leads:other")
    install("c-wrong", "Bad-Name = portal_leads:Portal", "word = portal_leads:CODE", "another = portal_leads:Other")
    install("d-silent", "silent = portal_leads:Silent", "nothing = builtins:dict")
    assert "portal" in registry.sources()
    assert problems(registry.brought()) == {
        "a-torn 1.0: gone": "it cannot be loaded (AttributeError: module 'portal_leads' has no attribute 'Gone')",
        "a-torn 1.0: torn": "it cannot be loaded (ModuleNotFoundError: No module named 'there_is_no_such_module')",
        "b-double 1.0: form": "Porteiro has a source of that slug itself",
        "b-double 1.0: portal": "package a-torn 1.0 brings it too",
        "c-wrong 1.0: Bad-Name": "a slug is lower-case words joined by `_`",
        "c-wrong 1.0: another": "its slug is `other`: the entry point has to have the same name",
        "c-wrong 1.0: word": "it cannot be loaded (AttributeError: module 'portal_leads' has no attribute 'CODE')",
        "d-silent 1.0: nothing": "builtins:dict gives no `adapters.sources.base.Source`",
        "d-silent 1.0: silent": "it does not declare title, documentation, identity",
    }
    registry.sources()
    assert len(caplog.messages) == 9
    assert "source `torn` of package a-torn 1.0 is left out: it cannot be loaded" in caplog.text


def test_without_packages_nothing_is_brought() -> None:
    assert read_packages(()) == Brought({}, {}, ())
