"""`porteiro source new`, and the page that says how to go on from there: the page's files are written and tested."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from porteiro.scaffold.source import DOCS, REGISTRY, write_source
from schemas.errors import PorteiroError

ROOT = Path(__file__).parents[3]
NEEDED = ("porteiro", "adapters", "schemas", "db", "opv", "web", "workers", "tests", "docs", "pyproject.toml")
SLUG = "active_campaign"
FILE = re.compile(r"^`([^`\n]+)`(?:, its last section)?:\n\n```\w+\n(.*?)^```$", re.M | re.S)
SUITE = ("pytest", "tests/adapters/sources", "-k", f"{SLUG} or written")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the checkout."""
    for name in NEEDED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    return tmp_path


def python(tree: Path, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """Runs modules of the tree, not those of this checkout."""
    environment = {**os.environ, "PYTHONPATH": path or str(tree)}
    command = [sys.executable, "-W", "error", "-m", *arguments]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def page() -> dict[str, str]:
    """The files that the page writes, by path."""
    return dict(FILE.findall((ROOT / "docs/adding-a-source.md").read_text(encoding="utf-8")))


def test_a_new_source_says_what_to_fill_in_and_passes_as_the_page_says(tree: Path) -> None:
    made = python(tree, "porteiro", "source", "new", SLUG, "--title", "ActiveCampaign")
    assert made.returncode == 0, made.stderr
    written = [tree / line.strip() for line in made.stdout.splitlines() if line.startswith("  ")]
    assert len(written) == 11
    code = [str(path) for path in written if path.suffix == ".py"]
    for check in (("ruff", "check", *code), ("ruff", "format", "--check", *code)):
        assert python(tree, *check).returncode == 0

    failing = python(tree, *SUITE)
    assert failing.returncode == 1, failing.stdout
    for message in (
        "active_campaign.py: `documentation` is the address of the page that describes the format",
        "adapters.sources.active_campaign: `sample` gives a request as the sender would send it",
        '"parked": "not_written"',
        "put a request as received into plain.request (as the sender usually sends it), and here what must come of it",
        "put a request as received into minimal.request (with as little as the sender can send)",
        "put a request as received into awkward.request (as bad as it was ever seen)",
        "test here what the contract and the fixtures do not show",
        "* **Submission**: not written: what identifies one.",
    ):
        assert message in failing.stdout

    for name, text in page().items():
        if name == DOCS:
            before = (tree / DOCS).read_text(encoding="utf-8").partition("\n## ActiveCampaign")[0]
            (tree / DOCS).write_text(f"{before}\n{text}", encoding="utf-8")
        elif SLUG in name:
            (tree / name).write_text(text, encoding="utf-8")
    passing = python(tree, *SUITE)
    assert passing.returncode == 0, passing.stdout
    for check in (("ruff", "check", *code), ("ruff", "format", "--check", *code)):
        assert python(tree, *check).returncode == 0


def test_a_source_of_another_package_keeps_the_contract_as_the_page_says(tmp_path: Path) -> None:
    files = page()
    project = tomllib.loads(files["pyproject.toml"])["project"]
    points = [f"{name} = {value}" for name, value in project["entry-points"]["porteiro.sources"].items()]
    texts = {
        "exemplo_leads/__init__.py": files[f"adapters/sources/{SLUG}.py"],
        "exemplo_leads.dist-info/METADATA": f"Name: {project['name']}\nVersion: {project['version']}\n",
        "exemplo_leads.dist-info/entry_points.txt": "\n".join(["[porteiro.sources]", *points]),
        "tests/test_contract.py": files["tests/test_contract.py"],
    }
    fixtures = f"tests/fixtures/{SLUG}"
    texts |= {name.replace(fixtures, "tests/fixtures"): text for name, text in files.items() if fixtures in name}
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    passing = python(tmp_path, "pytest", "tests", "-p", "no:cacheprovider", path=path)
    assert passing.returncode == 0, passing.stdout
    listed = python(tmp_path, "porteiro", "source", "list", "--json", path=path)
    assert '"package": "exemplo-leads 1.0"' in listed.stdout


@pytest.mark.parametrize(
    ("name", "title", "reason"),
    [
        ("Portal", None, "bad_name"),
        ("../portal", None, "bad_name"),
        ("2portal", None, "bad_name"),
        ("portal__x", None, "bad_name"),
        ("class", None, "bad_name"),
        ("form", None, "name_taken"),
        ("base", None, "name_taken"),
        ("testing", None, "name_taken"),
        ("lead", None, "name_taken"),
        ("hub_spot", None, "name_taken"),
        ("portal", 'Portal "X"', "bad_title"),
        ("portal", "Portal\nX", "bad_title"),
    ],
)
def test_a_bad_or_taken_name_writes_nothing(name: str, title: str | None, reason: str) -> None:
    before = (ROOT / REGISTRY).read_bytes()
    with pytest.raises(PorteiroError) as refused:
        write_source(ROOT, name, title)
    assert refused.value.reason == reason
    assert (ROOT / REGISTRY).read_bytes() == before


def test_an_installed_porteiro_says_where_sources_are_added(tree: Path) -> None:
    (tree / DOCS).unlink()
    refused = python(tree, "porteiro", "source", "new", "portal")
    assert refused.returncode == 1
    assert "a source is added in a checkout of Porteiro" in refused.stderr
