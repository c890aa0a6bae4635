"""A new source in a checkout of Porteiro: its files, with all that is to be filled in failing in the tests."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from pathlib import Path
from string import Template

from adapters.sources import base
from adapters.sources.packages import SLUG
from adapters.sources.registry import sources
from schemas.errors import PorteiroError

CASES = {
    "plain": "as the sender usually sends it",
    "minimal": "with as little as the sender can send",
    "awkward": "as bad as it was ever seen",
}
REGISTRY, ENTRANCES, DOCS = "adapters/sources/registry.py", "tests/adapters/sources/entrances.py", "docs/sources.md"
_IMPORT = re.compile(r"from adapters\.sources\.\w+ import .+")
_INSTANCE = re.compile(r" {8}\w+\(\),")
_SECRET = re.compile(r' {4}"\w+": ".*",')


def checkout() -> Path:
    """The folder of the checkout that this program runs from. Raises `PorteiroError` when it is installed instead."""
    root = Path(base.__file__).parents[2]
    if all((root / needed).is_file() for needed in (REGISTRY, ENTRANCES, DOCS)):
        return root
    raise PorteiroError(
        "no_checkout",
        f"a source is added in a checkout of Porteiro, and {root} is none: clone the repository, run `make setup` "
        "there and use its .venv/bin/porteiro; or put the source into a package of its own (docs/adding-a-source.md)",
    )


def write_source(root: Path, slug: str, title: str | None = None) -> list[str]:
    """Makes the files of a source and the lines that name it; the paths below `root` that were written.

    Raises `PorteiroError` before anything is written when the name is bad or taken."""
    title = title or slug.replace("_", " ").capitalize()
    _check_name(root, slug)
    _check_title(title)
    names = {"slug": slug, "title": title, "class_name": _class_name(slug)}
    made = _made(names)
    folders = (f"adapters/sources/{slug}", f"tests/fixtures/{slug}")
    if present := [path for path in (*made, *folders) if (root / path).exists()]:
        raise PorteiroError("name_taken", f"{slug}: {present[0]} is there already")
    texts = made | _changed(root, names)
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8", newline="\n")
    return list(texts)


def _check_name(root: Path, slug: str) -> None:
    if not SLUG.fullmatch(slug) or len(slug) > 40 or keyword.iskeyword(slug):
        raise PorteiroError(
            "bad_name", f"{slug}: a source's name is lower-case words joined by `_`, as in `lista_imoveis`"
        )
    known = sources()
    if slug in known:
        raise PorteiroError("name_taken", f"there is a source {slug} already: {known[slug].title}")
    names = re.findall(r"\w+", (root / REGISTRY).read_text(encoding="utf-8"))
    if _class_name(slug) in (*names, *base.__all__):
        raise PorteiroError("name_taken", f"{slug}: the class {_class_name(slug)} is there already")


def _check_title(title: str) -> None:
    if not title.strip() or not title.isprintable() or len(title) > 60 or {'"', "\\"} & set(title):
        raise PorteiroError("bad_title", "a title is a line of at most 60 characters, without quotes and backslashes")


def _class_name(slug: str) -> str:
    return "".join(word.capitalize() for word in slug.split("_"))


def _made(names: Mapping[str, str]) -> dict[str, str]:
    """The new files, by path."""
    slug = names["slug"]
    texts = {f"adapters/sources/{slug}.py": _filled("adapter", names)}
    for case, meaning in CASES.items():
        told = {**names, "case": case, "meaning": meaning}
        texts[f"tests/fixtures/{slug}/{case}.request"] = _filled("request", told)
        texts[f"tests/fixtures/{slug}/{case}.expected.json"] = _filled("expected", told)
    texts[f"tests/adapters/sources/test_{slug}.py"] = _filled("test", names)
    return texts


def _changed(root: Path, names: Mapping[str, str]) -> dict[str, str]:
    """The files that name every source, with the new one in its place."""
    texts = {path: (root / path).read_text(encoding="utf-8") for path in (REGISTRY, ENTRANCES, DOCS)}
    registry = _with_line(
        texts[REGISTRY], _IMPORT, Template("from adapters.sources.$slug import $class_name").substitute(names)
    )
    return {
        REGISTRY: _with_line(registry, _INSTANCE, f"        {names['class_name']}(),"),
        ENTRANCES: _with_line(texts[ENTRANCES], _SECRET, f'    "{names["slug"]}": "segredo-exemplo",'),
        DOCS: texts[DOCS] + _filled("docs", names),
    }


def _with_line(text: str, like: re.Pattern[str], line: str) -> str:
    """The text with a line put among those that are like it, where it sorts."""
    lines = text.splitlines()
    among = [index for index, one in enumerate(lines) if like.fullmatch(one)]
    place = next((index for index in among if lines[index].casefold() > line.casefold()), among[-1] + 1)
    return "\n".join([*lines[:place], line, *lines[place:]]) + "\n"


def _filled(name: str, names: Mapping[str, str]) -> str:
    text = Path(__file__).with_name(f"{name}.txt").read_text(encoding="utf-8")
    return Template(text).substitute(names)
