"""The team's own questions: saved from a search, asked again, kept, and shown."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from typer.testing import CliRunner

from app.cli.exits import ExitCode
from app.cli.program import program
from app.config import Settings
from app.errors import EvaluationNotFound, InvalidRequest, QuestionNotFound
from app.evaluation.outcome import Way
from app.services import Services
from tests.integration.parts import MortalWorker, SearchableBase, Uploader

TEXTS = {
    "tides.md": "The tide turns at noon on days of a new moon.",
    "boats.md": "Boats leave the harbour before the tide turns, with the ebb.",
    "cooking.md": "Soak the beans overnight, then simmer them with bay leaves.",
}


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    """Each text is one chunk."""
    return settings.model_copy(update={"chunk_tokens": 200})


@pytest.fixture
def library(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> SearchableBase:
    for name, text in TEXTS.items():
        uploader.upload(name, text)
    worker.drain()
    return knowledge_base


def save(library: SearchableBase, question: str, name: str) -> int:
    document = library.services.documents.by_name(library.base.id, name)
    return library.services.questions.save(library.base.id, question, document.id, TEXTS[name])


def evaluate(library: SearchableBase, *ways: Way) -> list[int]:
    services = library.services
    evaluated = services.team_evaluator().evaluate(
        library.base, ways or services.ways, lambda *_: None
    )
    return services.evaluations.keep(library.base.id, evaluated)


def test_a_saved_question_gains_passages_and_never_the_same_twice(
    library: SearchableBase,
) -> None:
    first = save(library, "When does the tide turn?", "tides.md")
    assert save(library, "when does  the tide turn?", "boats.md") == first
    assert save(library, "When does the tide turn?", "tides.md") == first
    (question,) = library.services.questions.list(library.base.id)
    assert question.text == "When does the tide turn?"
    assert [each.document_name for each in question.right] == ["tides.md", "boats.md"]


def test_every_way_is_measured_on_the_saved_questions_and_kept(library: SearchableBase) -> None:
    save(library, "noon and the new moon", "tides.md")
    save(library, "legumes", "cooking.md")
    kept = evaluate(library)
    listed = library.services.evaluations.list(library.base.id)
    assert [each.id for each in listed] == kept[::-1]
    assert {each.way for each in listed} == {Way.VECTOR, Way.KEYWORD, Way.HYBRID}
    assert len({each.created_at for each in listed}) == 1
    by_way = {each.way: each for each in listed}
    assert by_way[Way.VECTOR].measures.ndcg == 1.0
    # No word of "legumes" stands anywhere.
    assert by_way[Way.KEYWORD].measures.ndcg == 0.5
    _, outcomes = library.services.evaluations.get(library.base.id, by_way[Way.KEYWORD].id)
    legumes = next(each for each in outcomes if each.question == "legumes")
    assert legumes.found == ()
    assert legumes.missed == (f"cooking.md: {TEXTS['cooking.md']}",)
    moon = next(each for each in outcomes if each.question != "legumes")
    assert (moon.found[0].document, moon.found[0].right) == ("tides.md", True)


def test_questions_and_evaluations_belong_to_their_knowledge_base(
    library: SearchableBase, services: Services
) -> None:
    question = save(library, "noon", "tides.md")
    (kept,) = evaluate(library, Way.VECTOR)
    other = services.knowledge_bases.create(f"other-of-{library.base.name}")
    with pytest.raises(QuestionNotFound):
        services.questions.delete(other.id, question)
    with pytest.raises(EvaluationNotFound):
        services.evaluations.get(other.id, kept)
    with pytest.raises(InvalidRequest, match="no questions of its own"):
        services.team_evaluator().evaluate(other, services.ways, lambda *_: None)


def test_a_new_revision_still_answers_and_a_deleted_document_no_more(
    library: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    save(library, "noon and the new moon", "tides.md")
    uploader.upload("tides.md", f"# Tides\n\nA new beginning. {TEXTS['tides.md']} And an end.")
    worker.drain()
    evaluate(library, Way.VECTOR)
    assert library.services.evaluations.list(library.base.id)[0].measures.ndcg == 1.0
    tides = library.services.documents.by_name(library.base.id, "tides.md")
    library.services.deletion.delete(tides.id)
    (question,) = library.services.questions.list(library.base.id)
    assert question.right == ()
    worker.clear()
    assert library.rows("right_passages", f"document_id = {tides.id}") == 0


def test_a_deleted_knowledge_base_takes_its_questions_and_evaluations_along(
    library: SearchableBase, worker: MortalWorker
) -> None:
    save(library, "noon", "tides.md")
    (kept,) = evaluate(library, Way.VECTOR)
    library.services.knowledge_bases.delete(library.base.name)
    worker.clear()
    assert library.rows("questions", f"knowledge_base_id = {library.base.id}") == 0
    assert library.rows("evaluations", f"knowledge_base_id = {library.base.id}") == 0
    assert library.rows("evaluated_questions", f"evaluation_id = {kept}") == 0


def test_the_api_saves_lists_and_forgets_questions_and_tells_what_was_measured(
    library: SearchableBase, http: httpx.Client
) -> None:
    base = f"/api/knowledge-bases/{library.base.name}"
    found = http.get(f"{base}/search", params={"q": "new moon"}).json()["results"][0]
    new = {"question": "new moon", "document_id": found["document_id"], "quote": found["text"]}
    saved = http.post(f"{base}/questions", json=new)
    assert saved.status_code == 201
    assert saved.json()["right"][0]["document_name"] == "tides.md"
    (kept,) = evaluate(library, Way.HYBRID)
    (listed,) = http.get(f"{base}/evaluations").json()["evaluations"]
    assert (listed["id"], listed["mode"], listed["ndcg"]) == (kept, "hybrid", 1.0)
    outcomes = http.get(f"{base}/evaluations/{kept}").json()["outcomes"]
    assert outcomes[0]["found"][0]["right"] is True
    assert http.delete(f"{base}/questions/{saved.json()['id']}").status_code == 204
    assert http.get(f"{base}/questions").json() == {"questions": []}


def test_a_passage_of_another_knowledge_base_is_no_answer_here(
    library: SearchableBase, http: httpx.Client, services: Services
) -> None:
    document = services.documents.by_name(library.base.id, "tides.md")
    other = services.knowledge_bases.create(f"foreign-to-{library.base.name}"[:60])
    new = {"question": "noon", "document_id": document.id, "quote": "noon"}
    refused = http.post(f"/api/knowledge-bases/{other.name}/questions", json=new)
    assert refused.status_code == 404
    assert services.questions.list(other.id) == ()


def form(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the page's first form that goes to `action`."""
    body = page.split(f'action="{action}"')[1].split("</form>", maxsplit=1)[0]
    return dict(re.findall(r'name="([^"]+)" value="([^"]*)"', body))


def test_without_scripts_a_result_is_saved_asked_and_shown_worst_first(
    library: SearchableBase, http: httpx.Client
) -> None:
    name = library.base.name
    for question in ("new moon", "legumes"):
        page = http.get("/", params={"q": question, "knowledge-base": name}).text
        fields = form(page, "/quality/questions")
        assert fields["q"] == question
        saved = http.post("/quality/questions", data=fields)
        assert saved.status_code == 303
    page = http.get("/quality", params={"knowledge-base": name}).text
    assert "Ask its 2 own questions now" in page
    assert http.post("/quality/run", data={"knowledge-base": name}).status_code == 303
    page = http.get("/quality", params={"knowledge-base": name}).text
    assert "<polyline" in page
    assert "Worst questions first" in page
    assert page.count("Right:</strong>") >= 2
    assert http.post("/quality/run", data={"knowledge-base": name}).status_code == 303
    page = http.get("/quality", params={"knowledge-base": name}).text
    assert "Every question does as well as in the run before." in page
    forget = form(page, "/quality/questions/delete")
    assert http.post("/quality/questions/delete", data=forget).status_code == 303
    assert len(library.services.questions.list(library.base.id)) == 1


def test_running_without_questions_says_what_to_do(
    library: SearchableBase, http: httpx.Client
) -> None:
    reply = http.post("/quality/run", data={"knowledge-base": library.base.name})
    assert reply.status_code == 422
    assert "This is the right passage" in reply.text


def test_the_command_line_asks_a_knowledge_bases_own_questions_side_by_side(
    library: SearchableBase, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(library, "noon and the new moon", "tides.md")
    assert settings.tidb_database_url is not None
    monkeypatch.setenv("TIDB_DATABASE_URL", settings.tidb_database_url.get_secret_value())
    asked = ["evaluate", "--knowledge-base", library.base.name]
    result = CliRunner().invoke(program, [*asked, "--json"])
    assert result.exit_code == ExitCode.DONE, result.output
    found = json.loads(result.stdout)
    assert {run["mode"] for run in found["runs"]} == {"vector", "keyword", "hybrid"}
    assert all(run["ndcg@10"] == 1 for run in found["runs"])
    assert [each["p"] for each in found["comparisons"]] == [1.0, 1.0]
    assert len(library.services.evaluations.list(library.base.id)) == 3
    refused = CliRunner().invoke(program, [*asked, "--mode", "reranked"])
    assert refused.exit_code == ExitCode.USAGE
    assert "no reranker is set" in refused.stderr
