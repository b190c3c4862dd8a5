"""Evaluating a small collection on a real TiDB and the local model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytrec_eval
from sqlalchemy import URL
from typer.testing import CliRunner, Result

from app.cli.exits import ExitCode
from app.cli.program import program
from app.config import Settings
from app.opening import open_services
from app.services import Services

CORPUS = {
    "https://sea.org/tides#1": ("Tides", "The moon and the sun pull the oceans twice a day."),
    "seals": ("", "Seals sleep on the sandbank when the water is low."),
    "../bread": ("Bread", "Knead the dough, let it rise, and bake it in a hot oven."),
    "trains 50%": ("", "The night train to Vienna leaves at nine."),
    "nothing": ("", " "),
}
QUESTIONS = {
    "q1": ("why does the sea rise and fall", {"https://sea.org/tides#1": 2, "seals": 1}),
    "q2": ("how to make a loaf", {"../bread": 1}),
    "q3": ("when can I travel by rail", {"trains 50%": 1, "gone": 1}),
}


@pytest.fixture(autouse=True)
def collection(database_url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A judged collection in a folder `sea`, and the module's database as the configured TiDB."""
    monkeypatch.setenv("TIDB_DATABASE_URL", database_url.render_as_string(hide_password=False))
    monkeypatch.setenv("TIDEMARK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "sea"
    folder.mkdir()
    write_corpus(folder, CORPUS)
    write_lines(
        folder / "queries.jsonl", [{"_id": q, "text": t} for q, (t, _) in QUESTIONS.items()]
    )
    judged = [f"{q}\t{d}\t{g}\n" for q, (_, grades) in QUESTIONS.items() for d, g in grades.items()]
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(judged))
    return folder


@pytest.fixture
def services(collection: Path, database_url: URL) -> Iterator[Services]:
    settings = Settings(tidb_database_url=database_url.render_as_string(hide_password=False))
    with open_services(settings, lambda _: None) as opened:
        yield opened


def write_corpus(folder: Path, corpus: dict[str, tuple[str, str]]) -> None:
    write_lines(
        folder / "corpus.jsonl",
        [{"_id": d, "title": title, "text": text} for d, (title, text) in corpus.items()],
    )


def write_lines(path: Path, entries: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def evaluate(folder: Path, *options: str) -> dict[str, object]:
    result = run("evaluate", str(folder), "--json", *options)
    assert result.exit_code == ExitCode.DONE, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program, arguments)


def test_the_measures_are_those_that_trec_eval_gives_the_run_file(collection: Path) -> None:
    run_file = collection.parent / "sea.run"
    found = evaluate(collection, "--run-file", str(run_file))
    run: dict[str, dict[str, float]] = {}
    for line in run_file.read_text().splitlines():
        question, _, document, _, score, tag = line.split(" ")
        run.setdefault(question, {})[document.replace("%20", " ")] = float(score)
        assert tag == "tidemark-vector"
    judgements = {question: grades for question, (_, grades) in QUESTIONS.items()}
    theirs = pytrec_eval.RelevanceEvaluator(
        judgements, {"ndcg_cut.10", "recall.10", "recip_rank"}
    ).evaluate(run)
    for ours, name in (
        ("ndcg@10", "ndcg_cut_10"),
        ("recall@10", "recall_10"),
        ("mrr@10", "recip_rank"),
    ):
        mean = sum(of_question[name] for of_question in theirs.values()) / len(QUESTIONS)
        assert found[ours] == pytest.approx(mean, abs=1e-6)
    assert found["mrr@10"] == 1
    assert found["questions"] == 3


def test_a_corpus_that_is_there_is_not_ingested_again(collection: Path) -> None:
    first = evaluate(collection, "--chunks", "passages")
    again = evaluate(collection, "--chunks", "passages")
    assert (first["ingested"], again["ingested"]) == (4, 0)
    assert again["ndcg@10"] == first["ndcg@10"]
    assert again["knowledge_base"] == "evaluate-sea-passages"


def test_a_corpus_that_changed_is_brought_up_to_date(collection: Path, services: Services) -> None:
    folder = collection.rename(collection.with_name("Changed Sea"))
    evaluate(folder)
    changed = {**CORPUS, "seals": ("", "Seals hunt at night."), "new": ("", "Gulls follow boats.")}
    del changed["../bread"]
    write_corpus(folder, changed)
    assert evaluate(folder)["ingested"] == 2
    base = services.knowledge_bases.get("evaluate-changed-sea")
    assert services.documents.count(base.id) == 4


def test_whole_documents_are_one_chunk_and_passages_are_many(
    collection: Path, services: Services
) -> None:
    folder = collection.rename(collection.with_name("long"))
    write_corpus(folder, {**CORPUS, "seals": ("", "Seals sleep on the sandbank.\n\n" * 200)})
    chunks = {}
    for how in ("whole", "passages"):
        name = str(evaluate(folder, "--chunks", how)["knowledge_base"])
        index = services.indexes.active(services.knowledge_bases.get(name).id)
        assert index is not None
        chunks[how] = services.indexes.live_chunks(index.id)
    assert chunks["whole"] == 4
    assert chunks["passages"] > 8


def test_an_index_under_another_recipe_is_made_anew(collection: Path, services: Services) -> None:
    folder = collection.rename(collection.with_name("other"))
    services.knowledge_bases.create("evaluate-other")
    before = services.knowledge_bases.get("evaluate-other")
    services.indexes.ensure(before.id, services.ingest.new_recipe(), services.embedder.function)
    assert evaluate(folder)["ingested"] == 4
    assert services.knowledge_bases.get("evaluate-other").id != before.id


def test_a_collection_that_is_wrong_changes_nothing(collection: Path, services: Services) -> None:
    folder = collection.rename(collection.with_name("wrong"))
    with (folder / "corpus.jsonl").open("a") as corpus:
        corpus.write("no JSON\n")
    result = run("evaluate", str(folder))
    assert result.exit_code == ExitCode.USAGE
    assert "line 6: it is no JSON" in result.stderr
    assert "evaluate-wrong" not in {base.name for base, _ in services.knowledge_bases.list()}
