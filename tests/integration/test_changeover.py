"""Comparing indexes, promoting by schedule, and searching without a fault through all of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

import httpx
import pytest
from lxml import html
from sqlalchemy.event import listen, remove

from app.errors import IndexConflict, InvalidRequest, ProviderUnavailable
from app.evaluation.comparison import Comparison
from app.evaluation.known_items import KnownItems
from app.evaluation.question_writer import QuestionWriter
from app.evaluation.written_questions import WrittenQuestionStore
from app.indexes.index import IndexState
from app.indexes.recipes import Choice
from app.indexes.reports import IndexReport
from app.ingestion import planning
from app.retrieval.query import Query
from tests.fake_chat import FakeGenerator
from tests.fakes import WatchedEmbedder
from tests.integration.parts import MortalWorker, SearchableBase, Uploader
from tests.waiting import wait_until

GUIDE = """# Pilotage guide

## Before arrival

Report to the harbour control on channel twelve two hours before the fairway buoy.
A pilot is compulsory for every ship that is longer than seventy metres.

## Tides and the bar

The bar at the entrance has a charted depth of six metres and two decimetres.
The stream turns forty minutes before high water at the pier heads in summer.
"""
SAFETY = """# Safety at the quay

## Mooring lines under load

Nobody stands in the bight of a mooring line while it is under heavy load.

## Closing the north quay

The harbour master closes the north quay when the wind passes twenty five metres a second.
"""


@pytest.fixture
def filled(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> SearchableBase:
    uploader.upload("guide.md", GUIDE)
    uploader.upload("safety.md", SAFETY)
    worker.drain()
    return knowledge_base


def built(base: SearchableBase, worker: MortalWorker, margin: float | None = None) -> int:
    """Another index, with longer chunks under the same model."""
    index_id = base.services.changeover.build(base.base, Choice(chunk_tokens=40), margin)
    worker.drain()
    return index_id


def test_two_indexes_are_compared_on_questions_from_the_documents(
    filled: SearchableBase, worker: MortalWorker
) -> None:
    changeover = filled.services.changeover
    index_id = built(filled, worker)
    comparison = changeover.compare(filled.base, index_id)
    assert comparison.ndcg.questions >= 8
    assert comparison.before.measures.recall > 0.8
    assert comparison.ndcg.low <= comparison.ndcg.difference <= comparison.ndcg.high
    assert 0 < comparison.before.median_ms <= comparison.before.p95_ms
    kept = changeover.reports.one(filled.base.id, index_id).comparison
    assert kept is not None
    assert Comparison.load(kept) == comparison
    with pytest.raises(IndexConflict, match="nothing to compare"):
        changeover.compare(filled.base, changeover.active(filled.base).index.id)


def test_a_second_comparison_times_searches_and_not_what_was_kept_of_the_first(
    filled: SearchableBase, worker: MortalWorker
) -> None:
    index_id = built(filled, worker)
    filled.services.changeover.compare(filled.base, index_id)
    engine = filled.services.database.engine
    searches: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "vec_cosine_distance" in statement.lower():
            searches.append(statement)

    listen(engine, "before_cursor_execute", note)
    try:
        again = filled.services.changeover.compare(filled.base, index_id)
    finally:
        remove(engine, "before_cursor_execute", note)
    assert len(searches) >= 2 * again.ndcg.questions


def test_a_document_that_is_deleted_while_questions_are_drawn_is_passed_over(
    filled: SearchableBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = filled.services.documents
    seen = documents.with_text(filled.base.id)
    assert [name for _, name in seen] == ["guide.md", "safety.md"]
    filled.services.deletion.delete(seen[0][0])
    monkeypatch.setattr(type(documents), "with_text", lambda *_: seen)
    drawn = KnownItems(documents).draw(filled.base, 10)
    assert {item.document_name for item in drawn} == {"safety.md"}


def test_the_teams_own_questions_come_first_in_a_comparison(
    filled: SearchableBase, worker: MortalWorker
) -> None:
    services = filled.services
    index_id = built(filled, worker)
    guide = services.documents.by_name(filled.base.id, "guide.md")
    quote = "A pilot is compulsory for every ship that is longer than seventy metres."

    def ask(text: str) -> None:
        services.questions.save(filled.base.id, text, guide.id, quote)

    ask("Which ships need a pilot?")
    services.questions.save_unanswerable(filled.base.id, "Who won at chess?")
    few = services.changeover.compare(filled.base, index_id)
    assert few.questions.startswith("1 of the team's own, and ")
    for number in range(9):
        ask(f"Must a ship of {70 + number} metres take a pilot?")
    many = services.changeover.compare(filled.base, index_id)
    assert many.questions == "10 of the team's own"
    assert many.ndcg.questions == 10
    assert many.before.measures.recall == 1


def test_questions_of_a_chat_model_are_asked_again_by_another_process_and_go_with_the_document(
    filled: SearchableBase, worker: MortalWorker
) -> None:
    services = filled.services
    index_id = built(filled, worker)

    def compared(model: FakeGenerator) -> Comparison:
        """As by a process of its own: nothing is shared but what is in TiDB."""
        writer = QuestionWriter(lambda _: model, WrittenQuestionStore(services.database))
        changeover = services.changeover
        process = replace(changeover, comparer=replace(changeover.comparer, writer=writer))
        return process.compare(filled.base, index_id)

    numbers = [f"{number}. What is told of the harbour in {number}?" for number in range(1, 16)]
    first = compared(FakeGenerator("\n".join(numbers)))
    assert "in the chat model's words" in first.questions
    silent = FakeGenerator("")
    assert compared(silent).questions == first.questions
    assert silent.told == []
    guide = services.documents.by_name(filled.base.id, "guide.md")
    assert filled.rows("written_questions", f"document_id = {guide.id}") > 0
    services.deletion.delete(guide.id)
    worker.clear()
    assert filled.rows("written_questions", f"document_id = {guide.id}") == 0


def test_a_scheduled_index_is_promoted_when_it_is_not_worse(
    filled: SearchableBase, worker: MortalWorker
) -> None:
    index_id = built(filled, worker, margin=1.0)
    assert filled.services.changeover.active(filled.base).index.id == index_id


def test_a_scheduled_index_that_is_worse_stays_ready_with_the_reason(
    filled: SearchableBase, worker: MortalWorker
) -> None:
    changeover = filled.services.changeover
    before = changeover.active(filled.base).index
    wrong = WatchedEmbedder(filled.services.embedder)
    wrong.embed_documents = lambda texts: [  # type: ignore[method-assign]
        vector[::-1] for vector in filled.services.embedder.embed_documents(texts)
    ]
    recipe = replace(before.recipe, model="local/wrong")
    changeover.recipes.embedders.keep(recipe, wrong)
    index = filled.services.builds.start(filled.base.id, recipe, 0.0)
    worker.drain()
    report = changeover.reports.one(filled.base.id, index.id)
    assert changeover.active(filled.base).index.id == before.id
    assert report.index.state == IndexState.READY
    assert "was not promoted" in (report.error or "")


@dataclass(frozen=True)
class Scheduled:
    base: SearchableBase
    index_id: int
    model: WatchedEmbedder

    @property
    def report(self) -> IndexReport:
        return self.base.services.changeover.reports.one(self.base.base.id, self.index_id)

    def wait_out_the_pause(self) -> None:
        self.base.execute("UPDATE indexes SET not_before = NULL, lease_until = NULL")


@pytest.fixture
def scheduled(filled: SearchableBase) -> Scheduled:
    """An index of another model, which is to be promoted once it is built."""
    changeover = filled.services.changeover
    recipe = replace(changeover.active(filled.base).index.recipe, model=f"local/{filled.base.name}")
    model = WatchedEmbedder(filled.services.embedder)
    changeover.recipes.embedders.keep(recipe, model)
    index = filled.services.builds.start(filled.base.id, recipe, 1.0)
    return Scheduled(filled, index.id, model)


def test_a_scheduled_promotion_waits_for_a_model_that_is_away_just_then(
    scheduled: Scheduled, worker: MortalWorker
) -> None:
    def away(_: str) -> list[float]:
        raise ProviderUnavailable("The provider is away.")

    embed, scheduled.model.embed_query = scheduled.model.embed_query, away  # type: ignore[method-assign]
    worker.drain()
    assert scheduled.report.index.state == IndexState.READY
    assert scheduled.report.error == "The provider is away."
    scheduled.model.embed_query = embed  # type: ignore[method-assign]
    scheduled.wait_out_the_pause()
    worker.drain()
    assert scheduled.report.index.state == IndexState.ACTIVE
    assert scheduled.report.error is None


def test_a_scheduled_promotion_outlives_the_worker_that_was_to_compare(
    scheduled: Scheduled, worker: MortalWorker
) -> None:
    def die(_: str) -> list[float]:
        raise KeyboardInterrupt

    embed, scheduled.model.embed_query = scheduled.model.embed_query, die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        worker.drain()
    scheduled.model.embed_query = embed  # type: ignore[method-assign]
    assert scheduled.report.index.state == IndexState.READY
    scheduled.wait_out_the_pause()
    worker.drain()
    assert scheduled.report.index.state == IndexState.ACTIVE


def test_a_schedule_can_be_taken_back(
    scheduled: Scheduled, worker: MortalWorker, http: httpx.Client
) -> None:
    name = scheduled.base.base.name
    page = http.get("/indexes", params={"knowledge-base": name}).text
    assert "Do not promote by itself" in page
    assert "being built" in page
    index = f"/api/knowledge-bases/{name}/indexes/{scheduled.index_id}"
    assert http.delete(f"{index}/promote").json()["promote_if_not_worse_by"] is None
    worker.drain()
    assert scheduled.report.index.state == IndexState.READY
    assert http.post(f"{index}/promote", json={"if_not_worse_by": 1}).status_code == 200
    page = http.get("/indexes", params={"knowledge-base": name}).text
    assert "ready, being compared" in page
    assert "data-moving" in page
    worker.drain()
    assert scheduled.report.index.state == IndexState.ACTIVE


@pytest.mark.parametrize("kind", ["small", "large", "both"])
def test_a_plan_says_before_what_the_build_takes(
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    monkeypatch.setattr(planning, "LONGEST", 1_000)
    if kind != "large":
        for number in range(130):
            uploader.upload(f"{number}.txt", f"Buoy {number} lies {number * 7} metres off.")
    if kind != "small":
        for number in range(2):
            lines = [f"## Berth {n}\n\nIts crane lifts {n * 3 + number} tons." for n in range(60)]
            uploader.upload(f"sections-{number}.md", "\n\n".join(lines))
            uploader.upload(
                f"plain-{number}.txt", " ".join(lines).replace("#", "").replace("\n", " ")
            )
    worker.drain()
    services, base = knowledge_base.services, knowledge_base.base
    recipe = replace(
        services.changeover.active(base).index.recipe, model=f"local/{base.name}", chunk_tokens=24
    )
    model = WatchedEmbedder(services.embedder)
    services.changeover.recipes.embedders.keep(recipe, model)
    active = services.changeover.active(base).index.recipe
    plan = services.changeover.planner.plan(base.id, active, recipe, 2.0)
    index = services.builds.start(base.id, recipe)
    worker.drain()
    report = services.changeover.reports.one(base.id, index.id)
    tokens = sum(model.tokens.count(text) for text in model.embedded)
    assert plan.revisions == report.standing.revisions
    assert plan.chunks == pytest.approx(report.chunks, rel=0.05)
    assert plan.embedded == pytest.approx(report.embedded, rel=0.05)
    assert plan.tokens == pytest.approx(tokens, rel=0.05)
    assert plan.cost == plan.tokens * 2 / 1_000_000


def test_a_plan_counts_no_chunk_whose_vector_is_there(
    filled: SearchableBase, worker: MortalWorker
) -> None:
    changeover = filled.services.changeover
    plan = changeover.plan(filled.base, Choice(chunk_tokens=40))
    report = changeover.reports.one(filled.base.id, built(filled, worker))
    assert (plan.chunks, plan.embedded) == (report.chunks, report.embedded)
    assert report.reused > 0
    prefixed = changeover.plan(filled.base, Choice(query_prefix="query: "))
    assert (prefixed.embedded, prefixed.tokens) == (0, 0)


def test_a_caller_over_http_may_name_no_folder_as_a_model(filled: SearchableBase) -> None:
    changeover = filled.services.changeover
    with pytest.raises(InvalidRequest, match="not offered"):
        changeover.build(filled.base, Choice(model="local//etc"))
    with pytest.raises(InvalidRequest, match="not offered"):
        changeover.build(filled.base, Choice(model="openai/text-embedding-3-small"))


def test_the_api_builds_compares_promotes_and_takes_back(
    filled: SearchableBase, worker: MortalWorker, http: httpx.Client
) -> None:
    indexes = f"/api/knowledge-bases/{filled.base.name}/indexes"
    assert http.get(indexes).json()["settings_match"] is True
    plan = http.post(f"{indexes}/plan", json={"chunk_tokens": 40}).json()
    assert plan["cost"] == 0
    assert plan["revisions"] == 2
    begun = http.post(indexes, json={"chunk_tokens": 40})
    assert begun.status_code == 201
    assert begun.json()["state"] == "building"
    index = f"{indexes}/{begun.json()['id']}"
    assert http.post(f"{index}/promote").status_code == 409
    assert http.get(f"{index}/search", params={"q": "pilot"}).status_code == 409
    worker.drain()
    told = http.get(index).json()
    assert (told["state"], told["in_step"], told["digest"]) == (
        "ready",
        True,
        told["digest_expected"],
    )
    assert http.get(f"{index}/search", params={"q": "pilot"}).json()["results"]
    assert http.post(f"{index}/compare").json()["after"]["index_id"] == told["id"]
    assert http.post(f"{index}/promote").json()["state"] == "active"
    assert http.get(indexes).json()["settings_match"] is False
    assert http.post(f"{indexes}/revert").json()["id"] != told["id"]
    assert http.delete(index).status_code == 204
    assert http.get(index).status_code == 404


def test_a_build_is_paused_gone_on_with_and_cancelled_over_http_and_on_the_page(
    filled: SearchableBase, worker: MortalWorker, http: httpx.Client
) -> None:
    name = filled.base.name
    indexes = f"/api/knowledge-bases/{name}/indexes"
    begun = http.post(indexes, json={"chunk_tokens": 40}).json()
    index = f"{indexes}/{begun['id']}"
    assert http.post(f"{index}/pause").json()["state"] == "paused"
    worker.drain()
    assert http.get(index).json()["state"] == "paused"
    refused = http.post(f"{index}/pause")
    assert refused.status_code == 409
    assert "is paused: nothing is being built" in refused.text
    assert http.post(f"{index}/resume").json()["state"] == "building"

    def act(what: str) -> str:
        form = {"knowledge-base": name, "index": begun["id"], "do": what}
        done = http.post("/indexes", data=form, headers={"origin": str(http.base_url)})
        assert done.status_code == 303
        return http.get(done.headers["location"]).text

    page = act("pause")
    assert f"The build of index {begun['id']} rests." in page
    assert 'value="resume"' in page
    assert 'value="pause"' not in page
    page = act("resume")
    assert 'value="pause"' in page
    worker.drain()
    told = http.get(index).json()
    assert (told["state"], told["in_step"]) == ("ready", True)
    refused = http.post(f"{index}/resume")
    assert refused.status_code == 409
    assert "nothing is left to build" in refused.text
    other = http.post(indexes, json={"chunk_tokens": 48}).json()["id"]
    assert http.delete(f"{indexes}/{other}").status_code == 204
    worker.drain()
    assert http.post(f"{indexes}/{other}/resume").status_code == 404
    assert http.post(f"{indexes}/{begun['id'] + 1000}/pause").status_code == 404


def test_the_page_shows_what_both_indexes_are_hold_and_find(
    filled: SearchableBase, worker: MortalWorker, http: httpx.Client
) -> None:
    index_id = built(filled, worker)
    asked = {"knowledge-base": filled.base.name, "index": index_id, "q": "mooring line"}
    page = html.document_fromstring(http.get("/indexes/compare", params=asked).text)
    rows = {
        row.findtext("th"): [cell.text for cell in row.findall("td")]
        for row in page.iterfind(".//table[@class='beside']/tbody/tr")
    }
    assert rows["Recipe"] == [
        "384 dimensions, chunks of up to 16 tokens",
        "384 dimensions, chunks of up to 40 tokens",
    ]
    before, after = (
        filled.services.changeover.reports.one(filled.base.id, one).chunks
        for one in (filled.services.changeover.active(filled.base).index.id, index_id)
    )
    assert rows["Chunks"] == [f"{before}", f"{after}"]
    assert rows["Cost of the build"] == ["grew with uploads", "nothing"]
    firsts = [one.text_content() for one in page.iterfind(".//ol[@class='results']/li[1]")]
    assert len(firsts) == 2
    assert all("mooring line" in first.lower() for first in firsts)


def test_a_recipe_with_prefixes_is_told_with_them_and_can_be_built_from_the_page(
    filled: SearchableBase, worker: MortalWorker, http: httpx.Client
) -> None:
    name = filled.base.name
    asked = {"knowledge-base": name, "chunk_tokens": "16", "query_prefix": "question: "}
    told = "“question: ” before questions"
    assert told in http.get("/indexes/new", params=asked).text
    begun = http.post("/indexes/new", data=asked, headers={"origin": str(http.base_url)})
    assert begun.status_code == 303
    worker.drain()
    page = http.get("/indexes", params={"knowledge-base": name}).text
    assert told in page
    indexes = http.get(f"/api/knowledge-bases/{name}/indexes").json()["indexes"]
    assert [each["recipe"]["query_prefix"] for each in indexes] == ["", "question: "]
    compared = {"knowledge-base": name, "index": indexes[1]["id"]}
    assert told in http.get("/indexes/compare", params=compared).text


def test_caches_citations_links_and_saved_questions_stay_right_through_a_switch(
    filled: SearchableBase, worker: MortalWorker, http: httpx.Client
) -> None:
    services, base = filled.services, filled.base
    api = f"/api/knowledge-bases/{base.name}"
    question = "may one stand in the bight of a mooring line"
    quote = "Nobody stands in the bight of a mooring line while it is under heavy load."
    safety = services.documents.by_name(base.id, "safety.md")
    services.questions.save(base.id, question, safety.id, quote)

    def found() -> list[tuple[int, int, int]]:
        """By search, which keeps what it found."""
        results = http.get(f"{api}/search", params={"q": question}).json()["results"]
        return [(each["revision_id"], each["start"], each["end"]) for each in results]

    def found_by(index_id: int) -> list[tuple[int, int, int]]:
        index = services.indexes.get(base.id, index_id)
        passages = services.retriever.retrieve_from(index, Query(question), 10).passages
        return [(each.revision_id, each.start, each.end) for each in passages]

    def marked(address: str) -> str:
        page = html.document_fromstring(http.get(address).text)
        return " ".join(mark.text_content() for mark in page.iterfind(".//mark"))

    def recall() -> list[float]:
        ways = services.team_evaluator().evaluate(base, services.ways, lambda *_: None)
        return [way.measures.recall for way in ways]

    before, own = found(), services.changeover.active(base).index.id
    link = http.get(f"{api}/search", params={"q": question}).json()["results"][0]["url"]
    answer = http.post(f"{api}/answers", json={"question": question}).json()
    (citation, *_) = answer["sentences"][0]["citations"]
    assert "bight" in citation["quote"]
    index_id = built(filled, worker)
    assert found_by(index_id) != before, "the chunks are others"
    for switch, active in (
        (lambda: services.switch.promote(base.id, index_id), index_id),
        (lambda: services.switch.revert(base.id), own),
    ):
        switch()
        assert found() == found_by(active)
        assert "bight" in marked(link)
        assert "bight" in marked(citation["url"])
        assert set(recall()) == {1.0}
    assert found() == before


@dataclass
class Load:
    """Searches without end on threads of their own; whatever goes wrong is kept."""

    base: SearchableBase
    expected: str
    searches: int = 0
    wrong: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        retriever = self.base.services.retriever
        while not self.stop.is_set():
            try:
                found = retriever.retrieve(self.base.base, Query("bight of a mooring line"), 5)
                texts = [passage.text for passage in found.passages]
                if self.expected not in " ".join(texts[:2]):
                    self.wrong.append(f"found {texts[:2]}")
                starts = [(p.revision_id, p.start) for p in found.passages]
                if len(starts) != len(set(starts)):
                    self.wrong.append("a passage twice")
            except Exception as fault:  # noqa: BLE001 - the test tells of any
                self.wrong.append(repr(fault))
            self.searches += 1


def test_searches_go_on_without_a_fault_through_build_promote_and_take_back(
    filled: SearchableBase, worker: MortalWorker
) -> None:
    load = Load(filled, "bight of a mooring line")
    threads = [threading.Thread(target=load.run) for _ in range(2)]
    for thread in threads:
        thread.start()
    own = threading.get_ident()
    asked: list[str] = []
    engine = filled.services.database.engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if threading.get_ident() == own:
            asked.append(statement)

    listen(engine, "before_cursor_execute", note)
    switches: list[int] = []
    try:
        switch = filled.services.switch
        index_id = built(filled, worker)
        for _ in range(3):
            for change in (
                lambda: switch.promote(filled.base.id, index_id),
                lambda: switch.revert(filled.base.id),
            ):
                asked.clear()
                change()
                switches.append(len(asked))
        switch.promote(filled.base.id, index_id)
        former = next(
            report.index.id
            for report in filled.services.changeover.reports.of(filled.base.id)
            if report.index.state == IndexState.RETIRED
        )
        switch.drop(filled.base.id, former)
        searched = load.searches
        wait_until(lambda: load.searches >= searched + 5, "the searches stopped")
    finally:
        remove(engine, "before_cursor_execute", note)
        load.stop.set()
        for thread in threads:
            thread.join()
    assert load.wrong == []
    assert load.searches >= 10
    assert min(switches) <= 12  # statements, however much there is; benchmarks/ has the seconds
