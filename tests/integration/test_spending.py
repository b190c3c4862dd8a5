"""What models cost: by document and day, and a budget that bulk work cannot overspend."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from typer.testing import CliRunner

from app.answering.answer import Usage
from app.answering.metered import MeteredGenerator
from app.answering.prompt import Message
from app.cli.program import program
from app.config import Settings
from app.documents.model import KnowledgeBase
from app.embedding.ledger import Ledger, LedgerMeter
from app.embedding.making import make_embedder
from app.embedding.remote_function import HARMLESS
from app.embedding.spending import Purpose, spending_on
from app.errors import BudgetSpent, InvalidSetting, ProviderError
from app.indexes.index import IndexState
from app.indexes.recipes import Choice
from app.ingestion import building
from app.retrieval.query import Query
from app.services import Services
from app.web.pages.wording import dollars
from tests.fake_provider import FakeProvider, Reply, serving
from tests.integration.parts import MortalWorker, SearchableBase, Uploader, opened, unheard
from tests.server import application, client, served

MODEL = "openai/text-embedding-3-small"
PRICE = 1000.0  # dollars for a million tokens, so that a few words cost a cent
ENOUGH = 1000.0
WORDS = "tide " * 10


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with serving(FakeProvider("openai")) as provider:
        yield provider


def paid(settings: Settings, provider: FakeProvider, budget: float | None = ENOUGH) -> Settings:
    return settings.model_copy(
        update={
            "embedding_model": MODEL,
            "embedding_api_base": provider.api_base,
            "embedding_api_key": SecretStr("sk-1"),
            "embedding_dimensions": 384,
            "embedding_price": PRICE,
            "embedding_budget": budget,
            "chunk_tokens": 200,
        }
    )


@pytest.fixture
def dear(settings: Settings, provider: FakeProvider, ledger: Ledger) -> Iterator[Services]:
    """The services with a model that costs, and a budget that suffices."""
    chosen = paid(settings, provider)
    with opened(chosen, make_embedder(chosen, unheard)) as services:
        yield services


@pytest.fixture
def ledger(services: Services) -> Ledger:
    """An account with nothing in it."""
    with services.database.engine.begin() as connection:
        for table in ("spending", "spending_days", "kept_vectors"):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608
    return Ledger(services.database, ENOUGH)


def new_base(services: Services) -> KnowledgeBase:
    return services.knowledge_bases.create(f"paid-{uuid4().hex[:8]}")


def ingest(services: Services, base: KnowledgeBase, **documents: str) -> dict[str, int]:
    uploader = Uploader(services, base)
    ids = {
        name: uploader.upload(f"{name}.md", said).document_id for name, said in documents.items()
    }
    MortalWorker(services, base).drain()
    return ids


def test_tokens_are_counted_by_knowledge_base_document_day_and_model(
    dear: Services, ledger: Ledger
) -> None:
    base = new_base(dear)
    ids = ingest(dear, base, short="The tide turns.", long="The keeper lights the lamp at dusk.")
    counted = dear.embedder.tokens.count
    (line,) = ledger.by_day(1)
    assert (line.knowledge_base_id, line.model) == (base.id, MODEL)
    told = {each.document_id: each.spent for each in ledger.by_document(1, 10)}
    assert told[ids["short"]].tokens == counted("The tide turns.")
    assert told[ids["long"]].tokens == counted("The keeper lights the lamp at dusk.")
    total = sum(each.tokens for each in told.values())
    assert line.spent.tokens == total
    assert line.spent.cost == pytest.approx(total * PRICE / 1e6)
    assert ledger.left() == pytest.approx(ENOUGH - line.spent.cost)


def test_what_was_paid_for_before_is_not_counted_again(dear: Services, ledger: Ledger) -> None:
    ingest(dear, new_base(dear), first="The tide turns.")
    before = ledger.by_day(1)
    ingest(dear, new_base(dear), again="The tide turns.")
    assert ledger.by_day(1) == before


def test_a_question_is_counted_as_its_knowledge_bases(dear: Services, ledger: Ledger) -> None:
    base = new_base(dear)
    ingest(dear, base, one="The tide turns.")
    (before,) = ledger.by_day(1)
    SearchableBase(dear, base).search("who lights the lamp")
    (after,) = ledger.by_day(1)
    asked = after.spent.tokens - before.spent.tokens
    assert asked == dear.embedder.tokens.count("who lights the lamp")
    assert after.knowledge_base_id == base.id


def test_a_refused_request_costs_nothing(
    dear: Services, provider: FakeProvider, ledger: Ledger
) -> None:
    provider.replies = [Reply(401, {"error": {"message": "no"}})]
    with pytest.raises(ProviderError):
        dear.embedder.embed_query("who lights the lamp")
    assert ledger.by_day(1) == ()
    assert ledger.left() == ENOUGH


def test_ingest_stops_before_the_budget_is_overspent_and_goes_on_with_a_larger_one(
    settings: Settings, provider: FakeProvider, ledger: Ledger
) -> None:
    parts = [f"{word} " * 60 for word in ("tide", "keeper", "lamp", "rum")]
    tokens = [90, 90, 90, 90]
    chosen = paid(settings, provider, budget=sum(tokens[:2]) * PRICE / 1e6)
    with opened(chosen, make_embedder(chosen, unheard)) as services:
        base = new_base(services)
        ids = ingest(services, base, **{f"d{n}": said for n, said in enumerate(parts)})
        spent = sum(line.spent.cost for line in ledger.by_day(1))
        assert 0 < spent <= (chosen.embedding_budget or 0)
        failed = services.jobs.failures(base.id)
        assert failed
        assert all("Today's budget of $" in str(job.error) for job in failed)
        # A search still goes on, though nothing is left for more.
        assert SearchableBase(services, base).search("who lights it", top_k=1) is not None
    more = chosen.model_copy(update={"embedding_budget": ENOUGH})
    with opened(more, make_embedder(more, unheard)) as services:
        sent = len(provider.sent_texts)
        for job in failed:
            services.job_control.retry(job.id)
        MortalWorker(services, base).drain()
        assert services.jobs.failures(base.id) == ()
        assert len(provider.sent_texts) - sent == len(failed), "what was embedded was paid again"
        assert len(ids) == len(parts)


def test_processes_together_never_overspend(services: Services, ledger: Ledger) -> None:
    shared = replace(ledger, budget=0.5)
    meter = LedgerMeter(shared, MODEL, PRICE)

    def spend(_: int) -> bool:
        try:
            with spending_on(Purpose(bulk=True)), meter.spending({0: 100}):
                return True
        except BudgetSpent:
            return False

    together = Barrier(4)

    def begin() -> None:
        together.wait()  # all meet at a day that nobody has begun

    with ThreadPoolExecutor(4, initializer=begin) as pool:
        done = list(pool.map(spend, range(12)))
    assert done.count(True) == 5
    assert shared.left() == pytest.approx(0)
    assert sum(line.spent.cost for line in shared.by_day(1)) == pytest.approx(0.5)


def test_an_answers_tokens_are_its_knowledge_bases(services: Services, ledger: Ledger) -> None:
    class Counting:
        model = "openai/gpt-4o-mini"

        def stream(self, _: object) -> Iterator[str | Usage]:
            yield "At noon."
            yield Usage(1000, 100, cost=0.00021)

    metered = MeteredGenerator(Counting(), ledger, 7)  # type: ignore[arg-type]
    list(metered.stream([Message("user", "When?")]))
    (line,) = ledger.by_day(1)
    assert (line.knowledge_base_id, line.model, line.spent.tokens) == (7, metered.model, 1100)
    assert line.spent.cost == pytest.approx(0.00021)
    assert ledger.left() == ENOUGH, "the budget is for embedding"


def test_a_budget_without_a_price_is_refused_at_the_start(
    settings: Settings, provider: FakeProvider
) -> None:
    chosen = paid(settings, provider).model_copy(update={"embedding_price": None})
    with (
        pytest.raises(InvalidSetting, match=r"price of .* is not known"),
        opened(chosen, make_embedder(chosen, unheard)),
    ):
        pass


def test_the_page_and_the_api_tell_what_was_spent(
    settings: Settings, dear: Services, ledger: Ledger
) -> None:
    base = new_base(dear)
    ingest(dear, base, guide="The tide turns.")
    with served(application(settings, dear)) as address, client(address) as http:
        told = http.get("/api/spending").json()
        page = http.get("/spending", headers={"accept": "text/html"}).text
    assert told["budget"] == ENOUGH
    assert told["left_today"] < ENOUGH
    assert [(each["knowledge_base"], each["model"]) for each in told["days"]] == [
        (base.name, MODEL)
    ]
    assert [each["name"] for each in told["documents"]] == ["guide.md"]
    assert base.name in page
    assert "guide.md" in page
    assert "of today&#39;s budget" in page or "of today's budget" in page


def test_without_spending_the_page_says_that_nothing_costs(http: httpx.Client) -> None:
    page = http.get("/spending", headers={"accept": "text/html"})
    assert page.status_code == 200


@pytest.fixture
def environment(
    settings: Settings, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> pytest.MonkeyPatch:
    """As commands find it that use the model that costs."""
    assert settings.tidb_database_url is not None
    for name, value in {
        "TIDB_DATABASE_URL": settings.tidb_database_url.get_secret_value(),
        "TIDEMARK_EMBEDDING_MODEL": MODEL,
        "TIDEMARK_EMBEDDING_API_BASE": provider.api_base,
        "TIDEMARK_EMBEDDING_API_KEY": "sk-1",
        "TIDEMARK_EMBEDDING_DIMENSIONS": "384",
        "TIDEMARK_EMBEDDING_PRICE": str(PRICE),
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_an_estimate_counts_the_files_and_sends_nothing(
    provider: FakeProvider, ledger: Ledger, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    (tmp_path / "guide.md").write_text(WORDS)
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 no more than this")
    environment.setenv("TIDEMARK_EMBEDDING_BUDGET", "0.001")
    arguments = ("ingest", str(tmp_path), "--estimate", "-k", f"paid-{uuid4().hex[:8]}")
    ran = CliRunner().invoke(program, arguments)
    assert ran.exit_code == 1, ran.output
    assert "1 file with" in ran.output
    assert "1 cannot be read" in ran.output
    assert "does not suffice" in ran.output
    assert provider.requests == []


def test_an_upload_is_told_its_price_before_anything_is_embedded(
    settings: Settings, provider: FakeProvider, dear: Services, ledger: Ledger
) -> None:
    base = new_base(dear)
    files: list[tuple[str, tuple[str, bytes]]] = [
        ("files", ("guide.md", WORDS.encode())),
        ("files", ("broken.pdf", b"%PDF-1.7 no more")),
    ]
    form = {"knowledge-base": base.name}
    with served(application(settings, dear)) as address, client(address) as http:
        path = f"/api/knowledge-bases/{base.name}/documents"
        told = http.post(f"{path}/estimate", files=files).json()
        assert (told["files"], told["unreadable"], told["suffices"]) == (1, 1, True)
        assert told["model"] == "text-embedding-3-small"
        assert told["cost"] == pytest.approx(told["tokens"] * PRICE / 1_000_000)
        page = http.get("/documents", params=form, headers={"accept": "text/html"}).text
        assert "$1,000.00 a million tokens" in page
        asked = http.post("/documents/estimate", data=form, files=files).text
        assert f"1 file with {told['tokens']} tokens would be embedded" in asked
        assert "1 cannot be read. Nothing was uploaded." in asked
        assert dear.documents.list(base.id) == ()
        assert provider.requests == []
        ingest(dear, base, guide=WORDS)
        again = http.post(f"{path}/estimate", files=files[:1]).json()
        assert (again["files"], again["unchanged"], again["cost"]) == (0, 1, 0)
    deeds = [deed.action for deed in dear.audit.latest()]
    assert not [action for action in deeds if "estimate" in action]


def test_a_model_on_this_machine_is_not_said_to_cost(
    http: httpx.Client, services: Services
) -> None:
    chosen = {"knowledge-base": new_base(services).name}
    page = http.get("/documents", params=chosen, headers={"accept": "text/html"}).text
    assert "What would it cost?" not in page
    assert "data-paid" not in page


def test_a_narrower_index_asks_the_provider_nothing_and_another_models_counts_its_tokens(
    dear: Services, provider: FakeProvider
) -> None:
    base = new_base(dear)
    uploader, worker = Uploader(dear, base), MortalWorker(dear, base)
    for number in range(4):
        uploader.upload(f"{number}.md", f"At berth {number} the tide rises {number} metres.")
    uploader.upload("poison.md", "A POISON of the harbour.")
    worker.drain()
    changeover = dear.changeover.by_operator()
    asked = len(provider.requests)
    narrower = Choice(dimensions=256)
    plan = changeover.plan(base, narrower)
    assert (plan.chunks, plan.embedded, plan.cost) == (5, 0, 0)
    cut = changeover.reports.one(base.id, changeover.build(base, narrower))
    worker.drain()
    cut = changeover.reports.one(base.id, cut.index.id)
    assert (cut.index.state, cut.reused, cut.embedded) == (IndexState.READY, 5, 0)
    assert changeover.cost(cut) == 0
    assert len(provider.requests) == asked
    found = dear.retriever.retrieve_from(cut.index, Query("berth 3"), 1)
    assert found.passages[0].document_name == "3.md"

    provider.poison = "POISON"
    other = Choice(model="openai/text-embedding-3-large", dimensions=256)
    plan = changeover.plan(base, other)
    index_id = changeover.build(base, other)
    worker.drain()
    report = changeover.reports.one(base.id, index_id)
    assert (report.index.state, report.refused, report.embedded) == (IndexState.INCOMPLETE, 1, 4)
    (refused,) = changeover.refusals.of(index_id)
    assert refused.name == "poison.md"
    assert "begins 'A POISON of the harbour.'" in refused.error
    count = dear.embedder.tokens.count
    spared = plan.tokens - (report.tokens - count(HARMLESS))  # which showed that the key is right
    assert spared == count("A POISON of the harbour.")
    assert plan.cost is changeover.cost(report) is None  # nobody knows its price there


WIDER = Choice(dimensions=512)
"""Than the vectors that are there, so that all are asked for anew."""
BERTHS = {f"berth-{n}": f"At berth {n} the tide rises {n} metres." for n in range(6)}


def test_what_a_build_will_cost_is_told_before_it_costs_anything(
    settings: Settings,
    dear: Services,
    provider: FakeProvider,
    ledger: Ledger,
    environment: pytest.MonkeyPatch,
) -> None:
    base = new_base(dear)
    ingest(dear, base, **BERTHS)
    plan = dear.changeover.plan(base, WIDER)
    assert plan.tokens == sum(map(dear.embedder.tokens.count, BERTHS.values()))
    assert plan.cost == pytest.approx(plan.tokens * PRICE / 1e6)
    expected = f"about {dollars(plan.cost or 0)}"
    with served(application(settings, dear)) as address, client(address) as http:
        asked = {"knowledge-base": base.name, "dimensions": "512"}
        page = http.get("/indexes/new", params=asked, headers={"accept": "text/html"}).text
        indexes = f"/api/knowledge-bases/{base.name}/indexes"
        told = http.post(f"{indexes}/plan", json={"dimensions": 512}).json()
    assert f"{expected} for {plan.tokens} tokens" in page
    assert (told["tokens"], told["cost"]) == (plan.tokens, pytest.approx(plan.cost))
    command = ("index", "build", "--plan", "--dimensions", "512", "-k", base.name)
    assert f"({expected})" in " ".join(CliRunner().invoke(program, command).output.split())
    assert sorted(provider.sent_texts) == sorted(BERTHS.values()), "as they were uploaded"


def test_what_a_build_has_cost_so_far_is_told_while_it_goes_on_and_is_what_was_paid(
    settings: Settings,
    dear: Services,
    provider: FakeProvider,
    ledger: Ledger,
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setattr(building, "CHUNKS_A_BATCH", 2)
    environment.setattr(building, "NOTE_PAUSE", 0)
    base = new_base(dear)
    worker = MortalWorker(dear, base)
    ingest(dear, base, **BERTHS)
    uploaded = ledger.by_day(1)[0].spent.tokens
    changeover = dear.changeover.by_operator()
    plan = changeover.plan(base, WIDER)
    told, pages = [], []

    with served(application(settings, dear)) as address, client(address) as http:
        index_id = changeover.build(base, WIDER)

        def index() -> dict[str, object]:
            return http.get(f"/api/knowledge-bases/{base.name}/indexes/{index_id}").json()

        def page() -> str:
            asked = {"knowledge-base": base.name}
            return http.get("/indexes", params=asked, headers={"accept": "text/html"}).text

        def look(vectors: list[list[float]]) -> list[list[float]]:
            """While the provider is at a request: what was told of those before."""
            told.append(index())
            pages.append(page())
            if len(told) == 2:  # from now on it is told at the end alone
                environment.setattr(building, "NOTE_PAUSE", 3600)
            return vectors

        provider.change = look
        withdrawn = Reply(401, {"error": {"message": "This key was withdrawn."}})
        provider.replies = [Reply(), Reply(), withdrawn]
        worker.drain()
        told.append(index())
        counts = [dear.embedder.tokens.count(text) for text in BERTHS.values()]
        assert [each["state"] for each in told] == ["building", "building", "failed"]
        assert [each["tokens"] for each in told] == [0, sum(counts[:2]), sum(counts[:4])]
        for each in told:
            assert each["cost"] == pytest.approx(each["tokens"] * PRICE / 1e6)
        assert f"{sum(counts[:2])} tokens, {dollars(told[1]['cost'])}" in pages[1]
        listed = CliRunner().invoke(program, ("index", "list", "-k", base.name))
        assert f"{dollars(told[2]['cost'])} so far" in " ".join(listed.output.split())

        provider.change = None
        changeover.resume(base, index_id)
        worker.drain()
        whole = index()
        assert (whole["state"], whole["tokens"]) == ("ready", plan.tokens)
        assert whole["cost"] == pytest.approx(plan.cost)
        assert ledger.by_day(1)[0].spent.tokens - uploaded == plan.tokens
        dear.switch.drop(base.id, index_id)
        index_id = changeover.build(base, WIDER)
        worker.drain()
        again = index()
        assert (again["state"], again["embedded"], again["cost"]) == ("ready", 6, 0), "it was kept"
