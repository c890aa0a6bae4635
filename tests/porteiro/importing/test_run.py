"""A file through the whole pipeline: judged, stored, captured, each lead once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources.base import NoOptions, Source
from adapters.sources.form import Form
from db.models import Outcome
from db.queries.importing import import_headers
from porteiro.importing import run
from porteiro.importing.lines import LineReader
from porteiro.importing.mapping import map_columns
from porteiro.importing.reading import Row, open_table
from porteiro.importing.run import Survey, await_outcomes, store, survey, write_rejected
from schemas.source import Entrance, HttpAnswer, ReadLead, request_from
from tests.pipeline import HOUSE, Pipeline, Start, details, lead
from tests.porteiro.importing.conftest import FIXTURES, Written

HEADER = "Nome;Telefone;E-mail"


class Import:
    """One run of an import into a channel."""

    opened: ClassVar[ExitStack] = ExitStack()

    def __init__(self, pipeline: Pipeline, path: Path, channel: str = "site", told: Sequence[str] = ()) -> None:
        self.pipeline = pipeline
        self.entrance = pipeline.house().entrance_by_key[channel]
        self.table = open_table(path)
        samples = [row.cells for row in self.table.rows()]
        self.columns = map_columns(self.table.columns, samples, told, self.entrance.mapping)
        judging = survey(pipeline.database, self.entrance, self.table, self.columns)
        self.found: Survey = self.opened.enter_context(judging)

    @property
    def counts(self) -> dict[str, int]:
        """Lines by verdict."""
        return {verdict.value: times for verdict, times in self.found.counts.items()}

    def store(self, chunks: int | None = None) -> list[UUID]:
        """Stores the new lines; only so many chunks when the process dies then."""
        ids: list[UUID] = []
        stored = store(self.pipeline.database, self.entrance, self.found, self.pipeline.clock, lambda _: None)
        for number, chunk in enumerate(stored, 1):
            ids += chunk
            if number == chunks:
                break
        return ids

    def finish(self) -> list[UUID]:
        """Stores, and lets the pipeline take it in."""
        ids = self.store()
        self.pipeline.clock.forward(minutes=5)
        self.pipeline.run()
        return ids


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Gives up what the test's imports hold."""
    with Import.opened:
        yield


def _people(count: int, first: int = 1) -> list[str]:
    sent = [lead(number) for number in range(first, first + count)]
    return [HEADER, *(f"{one['nome']};{one['telefone']};{one['email']}" for one in sent)]


def test_a_spreadsheet_becomes_opvs(start: Start, tmp_path: Path) -> None:
    pipeline = start()
    path = tmp_path / "planilha.csv"
    path.write_bytes((FIXTURES / "planilha_latin1.csv").read_bytes())
    done = Import(pipeline, path)
    assert done.counts == {"new": 3, "repeated": 1, "rejected": 1}
    assert (dict(done.found.reasons), done.found.examples) == ({"no_contact": 1}, [(5, "no_contact")])
    assert pipeline.rows("deliveries") == []
    ids = done.finish()
    assert [pipeline.outcomes(one) for one in ids] == [["captured"]] * 3
    assert [opv.broker for opv in pipeline.opvs()] == ["ana", "bia", "ana"]
    first = pipeline.captures(pipeline.opvs()[0].id)[0]
    kept = details(first)
    assert (first.development, kept["message"]) == ("jardim", "Quero visitar; sábado\r\nde manhã")
    assert (kept["answers"], kept["extra"]) == ({"Quantos quartos?": "2"}, {"import": {"file": path.name, "line": 3}})
    clients = {client.name: json.loads(client.phones) for client in pipeline.rows("clients")}
    assert clients["José Exemplo"] == ["+5511980000101"]
    assert ["+5511980000102"] in clients.values()
    delivery = pipeline.rows("deliveries", id=ids[0])[0]
    assert (delivery.secret, bytes(delivery.url)) == (-1, b"file:planilha.csv?line=3")

    assert write_rejected(done.table, done.found) == "planilha.rejected.csv"
    rejected = open_table(tmp_path / "planilha.rejected.csv")
    assert rejected.rows_of_file.kind == done.table.rows_of_file.kind
    assert [row.cells[0] for row in rejected.rows()] == ["Sem Contato"]
    mended = (tmp_path / "planilha.rejected.csv").read_bytes().replace(b";123;", b";11 98000-0103;")
    (tmp_path / "planilha.rejected.csv").write_bytes(mended)
    again = Import(pipeline, tmp_path / "planilha.rejected.csv")
    assert again.counts == {"new": 1}
    again.finish()
    assert "Motivo da recusa" not in details(pipeline.captures(pipeline.opvs()[-1].id)[0])["answers"]


def test_the_same_lines_count_once_wherever_they_stand(start: Start, written: Written) -> None:
    pipeline = start()
    Import(pipeline, written(_people(5))).finish()
    grown = [HEADER, *_people(8)[:0:-1]]
    again = Import(pipeline, written(grown, "maior.csv", "utf-16"))
    assert again.counts == {"new": 3, "repeated": 5}
    again.finish()
    assert len(pipeline.opvs()) == 8
    assert Import(pipeline, written(grown, "maior.csv"), "blog").counts == {"new": 8}


def test_an_import_that_died_goes_on_where_it_was(
    start: Start, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "CHUNK", 10)
    pipeline, path = start(), written(_people(45))
    assert len(Import(pipeline, path).store(chunks=2)) == 20
    pipeline.run()  # what is due by now: the first chunk
    assert len(pipeline.captures()) == 10
    again = Import(pipeline, path)
    assert again.counts == {"repeated": 20, "new": 25}
    assert len(again.finish()) == 25
    assert Import(pipeline, path).counts == {"repeated": 45}
    assert pipeline.outcomes() == ["captured"] * 45
    assert len(pipeline.opvs()) == 45


def test_live_leads_do_not_wait_behind_an_import(
    start: Start, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "CHUNK", 10)
    pipeline = start()
    Import(pipeline, written(_people(30))).store()
    live = pipeline.deliver("site", lead(99))
    pipeline.run("ingest")
    assert pipeline.outcomes(live) == ["captured"]
    assert len(pipeline.captures()) == 11


def test_ids_of_the_file_are_the_submissions(start: Start, written: Written) -> None:
    pipeline = start()
    pipeline.deliver("site", lead(1))
    pipeline.run()
    header, *lines = _people(3)
    rows = [f"{line};envio-{n}" for n, line in enumerate(lines, 1)]
    other = "Outra Pessoa;11 98000-0999;;envio-2"
    done = Import(pipeline, written([f"{header};ID", *rows, rows[2], other, "Sem Id;11 98000-0998;;"]))
    assert done.counts == {"repeated": 2, "new": 3, "rejected": 1}
    assert done.found.examples == [(6, "conflict")]
    done.store()
    # Not read yet, and somebody else's lead under the same id is no repeat of it: ingest shows it as a conflict.
    numbered = Import(pipeline, written([f"{header};ID", "Nova Pessoa;11 98000-0997;;envio-3"], "outro.csv"))
    assert numbered.counts == {"new": 1}
    numbered.finish()
    assert sorted(pipeline.outcomes()) == ["captured"] * 4 + ["parked conflict"]


class Graph:
    """Meta's API, whose token has expired."""

    def get(self, url: str, **_: Any) -> HttpAnswer:
        return HttpAnswer(401, {}, b'{"error": {"code": 190}}')

    post = get


def _meta_notice(*ids: str) -> dict[str, Any]:
    changes = [{"field": "leadgen", "value": {"leadgen_id": id_, "form_id": "1"}} for id_ in ids]
    return {"object": "page", "entry": [{"id": "1048", "changes": changes}]}


def test_metas_export_on_its_channel(start: Start) -> None:
    pipeline = start(http=Graph())
    pipeline.deliver("meta", _meta_notice("1203344556677001"))
    pipeline.run()
    done = Import(pipeline, FIXTURES / "meta_export.csv", "meta")
    assert done.counts == {"fetching": 1, "new": 1, "test": 1}
    # The platform was asked for the last time: what it did not give is taken from its export.
    pipeline.set("submissions", {"outcome": "parked", "state": "done", "due_at": None}, key="1203344556677001")
    rescue = Import(pipeline, FIXTURES / "meta_export.csv", "meta")
    assert rescue.counts == {"new": 2, "test": 1}
    rescue.finish()
    assert sorted(pipeline.outcomes()) == ["captured", "captured", "parked token_expired"]
    assert Import(pipeline, FIXTURES / "meta_export.csv", "meta").counts == {"repeated": 2, "test": 1}
    pipeline.deliver("meta", _meta_notice("1203344556677002"))
    pipeline.run()
    assert "repeated" in pipeline.outcomes()
    card = next(card for card in pipeline.captures() if card.external_id == "1203344556677001")
    kept = details(card)
    assert (card.source, card.channel, card.origin, card.campaign) == ("meta_lead_ads", "meta", "instagram",
                                                                      "Lançamento Jardim")  # fmt: skip
    assert card.submitted_at.isoformat() == "2026-09-20T14:15:20+00:00"
    assert kept["ad"] == {
        "ad_id": "120210000000000111", "ad_name": "Vídeo 2 quartos", "adset_id": "120210000000000112",
        "adset_name": "Zona sul", "campaign_id": "120210000000000113", "form_id": "2233445566778899",
        "form_name": "Cadastro Jardim",
    }  # fmt: skip
    assert kept["answers"] == {"quantos_quartos_você_procura?": "2_quartos"}


def test_excel_with_numbers_and_dates(start_on_sqlite: Start, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Cliente", "Fone 1", "Fone 2", "Data Cadastro", "LGPD", "Nome"])
    book.active.append(["Ana Exemplo", 5511980000101.0, "11 98000-0102", "21/09/2026 11:15", True, "Ana"])
    book.active.append([None, 1.1980000103e10, None, None, False, "Bia Exemplo"])
    book.save(tmp_path / "leads.xlsx")
    pipeline = start_on_sqlite()
    assert len(Import(pipeline, tmp_path / "leads.xlsx").finish()) == 2
    phones = {client.name: json.loads(client.phones) for client in pipeline.rows("clients")}
    assert phones == {"Ana": ["+5511980000101", "+5511980000102"], "Bia Exemplo": ["+5511980000103"]}
    card = pipeline.captures(pipeline.opvs()[0].id)[0]
    kept = details(card)
    assert kept["answers"] == {"Cliente": "Ana Exemplo"}
    assert [(one["key"], one["granted"]) for one in kept["consent"]] == [("LGPD", True)]
    assert card.submitted_at.isoformat() == "2026-09-21T14:15:00+00:00"


def test_lines_that_cannot_be_right_are_rejected(start_on_sqlite: Start, written: Written) -> None:
    swallowed = 'Ana;11 98000-0101;"aberto'
    lines = [HEADER, f"Bia;11 98000-0102;{'x' * 32_768}", "Caio;11 98000-0103;caio@example.com;a mais", swallowed,
             "Dina;11 98000-0104;dina@example.com"]  # fmt: skip
    done = Import(start_on_sqlite(), written(lines))
    assert dict(done.found.reasons) == {"cell_too_long": 1, "broken_quote": 1}
    assert done.counts == {"rejected": 2, "new": 1}
    done.finish()
    assert details(done.pipeline.captures()[0])["answers"] == {"coluna 4": "a mais"}


def test_rejected_formulas_are_written_as_text(start_on_sqlite: Start, written: Written) -> None:
    done = Import(start_on_sqlite(), written([HEADER, "=1+1;+55 11;@x;a mais"]))
    write_rejected(done.table, done.found)
    text = done.table.path.with_name("leads.rejected.csv").read_text(encoding="utf-8")
    assert text.splitlines()[1] == "'=1+1;+55 11;'@x;sem telefone nem e-mail que se possa usar;a mais"


def test_a_stored_line_that_is_no_lead_is_parked(start_on_sqlite: Start) -> None:
    pipeline = start_on_sqlite()
    bodies: list[Any] = [{"id": "a"}, {"id": "a", "lead": {"nome": "Ana"}}, []]
    for body in bodies:
        pipeline.deliver("zap", body, headers=b"x-porteiro-import: 1\r\n")
    pipeline.run()
    assert pipeline.outcomes() == ["parked not_an_import", "parked not_an_import", "parked not_an_object"]


def test_outcomes_are_waited_for(start_on_sqlite: Start, written: Written) -> None:
    pipeline = start_on_sqlite()
    ids = Import(pipeline, written(_people(3))).store()
    database = pipeline.database
    assert await_outcomes(database, ids, lambda _: pipeline.run()) == {Outcome.CAPTURED: 3}
    more = Import(pipeline, written(_people(2, first=7))).store()
    before = time.monotonic()
    assert await_outcomes(database, more, lambda _: None, patience=0.1) == {Outcome.PENDING: 2}
    assert time.monotonic() - before < 5


def test_a_house_has_channels_of_each_kind(start_on_sqlite: Start, written: Written) -> None:
    """Whatever the channel's source, its lines are read."""
    pipeline = start_on_sqlite(HOUSE)
    for number, channel in enumerate(("site", "zap", "google", "meta")):
        Import(pipeline, written(_people(2, first=10 * number + 1)), channel).finish()
    assert pipeline.outcomes() == ["captured"] * 8


@given(st.lists(st.text(), min_size=1, max_size=14))
def test_a_line_never_breaks_the_import(cells: list[str]) -> None:
    names = ("id", "Nome", "DDD", "Telefone", "E-mail", "CPF", "LGPD", "teste", "created_time", "url", "utm_source",
             "form_id", "Cidade")  # fmt: skip
    source: Source = Form()
    entrance = Entrance("site", 1, source, (), NoOptions(), ZoneInfo("America/Sao_Paulo"))
    reader = LineReader(entrance, map_columns(names, ()), "leads.csv", ";")
    line = reader.read(Row(2, [cell.encode("utf-8", "replace").decode() for cell in cells]))
    request = request_from("POST", b"", import_headers(line.mark), line.body)
    read = source.read_import(request, entrance)
    assert isinstance(read[0], ReadLead)
    assert read[0].key == line.key
    assert read[0].lead == line.lead
