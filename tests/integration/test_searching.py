"""Search by meaning and by words on a real TiDB, each held against a second implementation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import bm25s
import numpy as np
import pytest
import sqlalchemy

from app.config import Settings
from app.documents.filter import Filter
from app.documents.model import KnowledgeBase
from app.errors import ProviderError
from app.indexes.analysis import question_terms, terms
from app.indexes.embedders import Embedders
from app.retrieval.explaining import Explanation, Fate
from app.retrieval.passage import Evidence, Passage
from app.retrieval.query import Grouping, Mode, Query
from app.retrieval.query_syntax import typed_query
from app.retrieval.retriever import CANDIDATES
from app.retrieval.surroundings import SURROUNDINGS
from app.services import Services
from tests.fakes import WatchedEmbedder
from tests.integration.parts import MortalWorker, SearchableBase, Uploader

TEXTS = {
    "tides.md": "The tide turns at noon on days of a new moon.",
    "boats.md": "Boats leave the harbour before the tide turns, with the ebb.",
    "cooking.md": "Soak the beans overnight, then simmer them with bay leaves.",
    "errors.md": "ERR_42 means that getUserById found no such user in v8.5.4.",
    "hafen.md": "Die Häuser am Hafen stehen bei Sturmflut oft unter Wasser und sind leer.",
    "chao.md": "船在涨潮时离开港口，渔民们在码头上等待。",
}


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    """Each text is one chunk."""
    return settings.model_copy(update={"chunk_tokens": 200})


@pytest.fixture
def library(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> KnowledgeBase:
    for name, text in TEXTS.items():
        uploader.upload(name, text)
    worker.drain()
    return knowledge_base.base


def passages(
    services: Services, base: KnowledgeBase, question: str, mode: Mode, *documents: int
) -> tuple[Passage, ...]:
    query = Query(question, documents, mode)
    return services.retriever.retrieve(base, query, 10).passages


def evidence(services: Services, base: KnowledgeBase, question: str) -> dict[str, Evidence]:
    found = passages(services, base, question, Mode.HYBRID)
    return {passage.document_name: passage.evidence for passage in found}


def test_meaning_ranks_every_chunk_by_its_exact_cosine(
    services: Services, library: KnowledgeBase
) -> None:
    found = passages(services, library, "when do ships sail", Mode.VECTOR)
    vectors = np.array(services.embedder.embed_documents([passage.text for passage in found]))
    cosines = vectors @ np.array(services.embedder.embed_query("when do ships sail"))
    assert len(found) == len(TEXTS)
    assert [passage.score for passage in found] == pytest.approx(cosines.tolist(), abs=1e-4)
    assert list(cosines) == sorted(cosines, reverse=True)


@pytest.mark.parametrize(
    "question",
    [
        "harbour",
        "tide in the harbour",
        " ".join(f"{text} of {n}" for n, text in enumerate(TEXTS.values())),
    ],
    ids=["one word", "a few", "more words than are scanned for one by one"],
)
def test_words_are_scored_as_another_bm25_scores_them(
    services: Services, library: KnowledgeBase, question: str
) -> None:
    scores = other_scores(TEXTS, question)
    found = passages(services, library, question, Mode.KEYWORD)
    assert {passage.document_name for passage in found} == {n for n, s in scores.items() if s > 0}
    for passage in found:
        assert passage.score == pytest.approx(scores[passage.document_name], rel=1e-5)


def test_scores_follow_when_documents_come_change_and_go(
    services: Services, library: KnowledgeBase, uploader: Uploader, worker: MortalWorker
) -> None:
    texts = dict(TEXTS)
    changes = {
        "more.md": "One tide comes after the other, and each is a little later.",
        "tides.md": "There was no ebb today, because the wind came from the sea.",
        "boats.md": "",
    }
    for name, text in changes.items():
        passages(services, library, "tide at noon", Mode.KEYWORD)
        if text:
            texts[name] = text
            uploader.upload(name, text)
            worker.drain()
        else:
            del texts[name]
            services.deletion.delete(services.documents.by_name(library.id, name).id)
            worker.drain()
        scores = other_scores(texts, "tide at noon")
        found = passages(services, library, "tide at noon", Mode.KEYWORD)
        assert {p.document_name: p.score for p in found} == pytest.approx(
            {name: score for name, score in scores.items() if score > 0}, rel=1e-5
        )


def other_scores(texts: Mapping[str, str], question: str) -> dict[str, float]:
    """Those of another BM25, by document."""
    spoken = {"hafen.md": "de", "chao.md": "zh"}
    corpus = [terms(text, spoken.get(name, "en")) for name, text in texts.items()]
    other = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
    other.index(corpus, show_progress=False)
    wanted = [
        term
        for term in question_terms(question, {"en", "de", "zh"})
        if any(term in document for document in corpus)
    ]
    return dict(zip(texts, map(float, other.get_scores(wanted)), strict=True))


def test_the_highest_score_of_a_question_is_known_though_no_passage_reaches_it(
    services: Services, library: KnowledgeBase
) -> None:
    index = services.indexes.active(library.id)
    assert index is not None

    def highest(question: str) -> float:
        (match, *_) = services.retriever.words.best(index, question, 10)
        assert match.highest is not None
        assert match.score < match.highest
        return match.highest

    alone = highest("ebb")
    assert highest("the ebb") == alone
    # What no passage has is what a passage could have had.
    assert highest("ebb zzyzx") > 2 * alone
    assert services.retriever.words.spoken(index) == "en"


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("getUserById", "errors.md"),
        ("user id", "errors.md"),
        ("err_42", "errors.md"),
        ("8.5.4", "errors.md"),
        ("Haus", "hafen.md"),
        ("hauser", "hafen.md"),
        ("港口", "chao.md"),
    ],
)
def test_words_find_identifiers_other_forms_and_scripts_without_spaces(
    services: Services, library: KnowledgeBase, question: str, name: str
) -> None:
    found = passages(services, library, question, Mode.KEYWORD)
    assert [passage.document_name for passage in found] == [name]


def test_every_result_says_what_each_half_gave(services: Services, library: KnowledgeBase) -> None:
    of_tides = evidence(services, library, "tide at noon")["tides.md"]
    assert of_tides.vector_rank == 1
    assert of_tides.keyword_rank == 1
    assert set(of_tides.word_weights) == {"tide", "noon"}
    assert sum(of_tides.word_weights.values()) == pytest.approx(of_tides.bm25)
    assert set(of_tides.shares) == {Mode.VECTOR, Mode.KEYWORD}


IT_OPENS = """# Hours

It opens two hours before high water and closes again when the ebb begins to run. Vessels wait
for it at the outer buoys, in the order in which they came, and keep their engines running.
"""
LOCK = """# The lock at Vlissingen

The lock at Vlissingen lets barges into the canal, and is worked by two keepers who live beside it.
They have a boat of their own, and know the canal as nobody else does.
"""
KITCHEN = """# Beans

Soak the beans overnight in cold water, then simmer them with bay leaves and an onion until they are
soft. Salt them only at the end, or they stay hard for longer than anyone wants to wait.
"""


def test_a_passage_whose_subject_is_named_beside_it_comes_before_one_without(
    services: Services, knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    """Its twin, which came first, has the same words and the same meaning."""
    base, question = knowledge_base.base, "when does the lock at Vlissingen open"
    uploader.upload("kitchen.md", f"{KITCHEN}\n{IT_OPENS}")
    uploader.upload("lock.md", f"{LOCK}\n{IT_OPENS}")
    worker.drain()

    def twins(mode: Mode) -> dict[str, Passage]:
        found = passages(services, base, question, mode)
        return {p.document_name: p for p in found if "two hours before high water" in p.text}

    for alone in (Mode.VECTOR, Mode.KEYWORD):  # each half is what it is, for itself
        scores = [passage.score for passage in twins(alone).values()]
        assert len(scores) == 2
        assert scores[0] == pytest.approx(scores[1])
    by_both = twins(Mode.HYBRID)
    assert list(by_both) == ["lock.md", "kitchen.md"]
    of_lock, of_kitchen = (passage.evidence for passage in by_both.values())
    assert of_lock.shares[SURROUNDINGS] > of_kitchen.shares.get(SURROUNDINGS, 0.0)
    assert of_lock.bm25 == of_kitchen.bm25
    for passage in passages(services, base, question, Mode.HYBRID):
        assert sum(passage.evidence.shares.values()) == pytest.approx(passage.score)


def test_a_filter_is_applied_before_the_cut(services: Services, library: KnowledgeBase) -> None:
    last = passages(services, library, "the tide turns", Mode.VECTOR)[-1]
    for mode in (Mode.VECTOR, Mode.HYBRID):
        found = passages(services, library, "the tide turns", mode, last.document_id)
        assert [passage.document_id for passage in found] == [last.document_id]


def test_the_statistics_of_words_count_what_is_current_only(
    services: Services, library: KnowledgeBase, uploader: Uploader, worker: MortalWorker
) -> None:
    def score() -> float:
        return passages(services, library, "beans", Mode.KEYWORD)[0].score

    before = score()
    for content in ("Beans, beans, beans.", "More beans."):
        uploader.upload("beans.md", content)
        worker.drain()
    with_beans = score()
    assert with_beans != pytest.approx(before)
    beans = services.documents.by_name(library.id, "beans.md")
    services.deletion.delete(beans.id)
    assert score() == pytest.approx(before)
    worker.clear()
    assert score() == pytest.approx(before)


def test_a_question_of_stop_words_alone_is_still_looked_for(
    services: Services, library: KnowledgeBase
) -> None:
    assert passages(services, library, "before the", Mode.KEYWORD)


NARROWED = {
    '"tide turns"': {"tides.md", "boats.md"},
    '"TIDE  turns at noon"': {"tides.md"},
    '"tide turn"': set(),
    '"港口"': {"chao.md"},
    '"港"': {"chao.md"},
    '"8.5.4"': set(),  # it stands in "v8.5.4" only, which is another word
    '"in v8.5.4"': {"errors.md"},
    '"getUserById found"': {"errors.md"},
    '"the ebb"': {"boats.md"},
    '"100% sure_"': set(),
    '"tide – turns"': set(),
    '"港口，渔民"': {"chao.md"},
    "tide -harbours name:.md": {"tides.md", "cooking.md", "errors.md", "hafen.md", "chao.md"},
    "Sturm -Haus name:hafen": set(),
    "tide -getUserById -港口 -beans -Hafen": {"tides.md", "boats.md"},
    'tide -"before the tide turns" name:TIDES name:boats': {"tides.md"},
}


@pytest.mark.parametrize("mode", list(Mode))
def test_phrases_and_left_out_words_hold_in_every_mode(
    services: Services, library: KnowledgeBase, mode: Mode
) -> None:
    for typed, names in NARROWED.items():
        query = typed_query(typed, Query("", mode=mode))
        found = services.retriever.retrieve(library, query, 10).passages
        found_names = {passage.document_name for passage in found}
        if mode is Mode.KEYWORD:  # finds only what has the words, which are pairs in Chinese
            assert found_names <= names, typed
            assert bool(found_names) == bool(names) or typed == '"港"', typed
        else:
            assert found_names == names, typed


def test_filters_are_applied_before_the_cut_in_every_mode(
    services: Services, library: KnowledgeBase, uploader: Uploader, worker: MortalWorker
) -> None:
    uploader.upload("page.html", "<title>Pilots</title><h1>Bar</h1><p>The tide is out.</p>")
    uploader.upload("bar.md", '# The 100% ["bar"]\n\nThe tide is in.')
    worker.drain()
    today = services.documents.by_name(library.id, "tides.md").updated_at.date()
    later = today + timedelta(days=1)
    expected: dict[Filter, set[str]] = {
        Filter(kinds=("html",)): {"page.html"},
        Filter(kinds=("html",), names=("tides",)): set(),
        Filter(kinds=("html", "markdown"), names=("tides", "PILOTS")): {"tides.md", "page.html"},
        Filter(sections=("bar",)): {"page.html", "bar.md"},
        Filter(sections=('100% ["',)): {"bar.md"},
        Filter(sections=("%",), kinds=("html",)): set(),
        Filter(since=today, until=today, names=("tides",)): {"tides.md"},
        Filter(since=later): set(),
        Filter(until=today - timedelta(days=1)): set(),
        Filter(names=("' OR 1=1 --", "_ides.md")): set(),
    }
    for mode in Mode:
        for given, names in expected.items():
            query = Query("the tide", mode=mode, filter=given)
            found = services.retriever.retrieve(library, query, 1).passages
            assert len(found) == min(1, len(names)), (mode, given)
            assert {passage.document_name for passage in found} <= names, (mode, given)


def explained(services: Services, base: KnowledgeBase, query: Query, name: str) -> Explanation:
    document = services.documents.by_name(base.id, name)
    return services.explainer.explain(base, query, document, 2)


def test_a_document_that_is_not_shown_is_told_its_true_place(
    services: Services, library: KnowledgeBase
) -> None:
    everything = passages(services, library, "the tide turns", Mode.VECTOR)
    for true_rank, passage in enumerate(everything, start=1):
        query = Query("the tide turns", mode=Mode.VECTOR)
        told = explained(services, library, query, passage.document_name)
        assert told.vector_rank == told.rank == true_rank
        assert told.fate is (Fate.SHOWN if true_rank <= 2 else Fate.FUSED_AWAY)
        assert told.passage is not None
        assert told.nearest is not None
        assert told.passage.text[told.nearest.start : told.nearest.end] == passage.text
    by_words = passages(services, library, "tide harbour noon", Mode.KEYWORD)
    for passage in by_words:
        told = explained(services, library, Query("tide harbour noon"), passage.document_name)
        assert told.keyword_rank == 1 + sum(other.score > passage.score for other in by_words)


def test_a_document_below_the_candidates_is_told_how_far(
    services: Services,
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
) -> None:
    uploader.upload("many.csv", "day,tide\n" + "the tide of the day turns,now\n" * 3000)
    uploader.upload("other.md", "Soak the beans overnight.")
    worker.drain()
    chunks = knowledge_base.rows("chunks_{index}")
    assert chunks > CANDIDATES
    told = explained(services, knowledge_base.base, Query("the tide turns"), "other.md")
    assert told.fate is Fate.BELOW
    assert told.vector_rank == chunks
    assert told.keyword_rank is None


def test_what_leaves_a_document_out_is_named(services: Services, library: KnowledgeBase) -> None:
    boats = services.documents.by_name(library.id, "boats.md").id
    for query, conditions in (
        (typed_query('tide "turns at dusk"'), ("no passage of it has “turns at dusk”",)),
        (typed_query("tide type:pdf name:tides"), ("its type is not “pdf”",)),
        (typed_query("tide tag:x -noon"), ("it has no tag “x”",)),
        (Query("tide", (boats,)), ("only other documents are searched",)),
        (typed_query("tide -noon"), ()),
    ):
        told = explained(services, library, query, "tides.md")
        assert (told.fate, told.conditions) == (Fate.FILTERED, conditions), query
    told = explained(services, library, Query("beans", mode=Mode.KEYWORD), "tides.md")
    assert told.fate is Fate.WITHOUT_WORDS


def test_a_question_that_is_asked_again_costs_nothing_until_something_changes(
    services: Services, library: KnowledgeBase, uploader: Uploader, worker: MortalWorker
) -> None:
    def asked() -> tuple[list[str], list[str]]:
        found = services.retriever.retrieve(library, Query("how the tide turns"), 10)
        names = [passage.document_name for passage in found.passages]
        return names, [stage.name for stage in found.stages]

    first, stages = asked()
    assert "cache" not in stages
    assert asked() == (first, ["cache", *stages])
    uploader.upload("again.md", "How the tide turns is told here.")
    worker.drain()
    second, stages = asked()
    assert "cache" not in stages
    assert "again.md" in second
    services.deletion.delete(services.documents.by_name(library.id, "again.md").id)
    assert asked()[0] == first


def test_passages_are_gathered_and_their_text_is_that_of_the_revision(
    services: Services,
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
) -> None:
    sentences = [
        f"On day {n} the tide of harbour {n} turns at noon, says keeper {n}." for n in range(60)
    ]
    text = "# Tides\n\n" + "\n\n".join(sentences)
    for name in ("log.md", "copy.md"):
        uploader.upload(name, text if name == "log.md" else text + "\n")
    worker.drain()
    query = Query("when does the tide turn", grouping=Grouping.PASSAGE)
    found = services.retriever.retrieve(knowledge_base.base, query, 10).passages
    assert len(found) == 1
    assert found[0].text == text[found[0].start : found[0].end]
    assert {place.document_name for place in found[0].also} <= {"log.md", "copy.md"}
    assert found[0].also
    by_document = replace(query, grouping=Grouping.DOCUMENT)
    found = services.retriever.retrieve(knowledge_base.base, by_document, 10).passages
    assert len(found) == 1
    other = next(n for n in ("log.md", "copy.md") if n != found[0].document_name)
    assert explained(services, knowledge_base.base, query, other).fate is Fate.FOLDED


def test_every_result_tells_its_nearest_sentence_where_that_is_asked(
    services: Services, library: KnowledgeBase
) -> None:
    retrieval = services.retriever.retrieve(library, Query("how the tide turns"), 3)
    assert all(passage.evidence.nearest is None for passage in retrieval.passages)
    near = services.retriever.with_nearest(retrieval)
    assert near.stages[-1].name == "sentences"
    assert [passage.rank for passage in near.passages] == [1, 2, 3]
    for passage in near.passages:
        told = explained(services, library, Query("how the tide turns"), passage.document_name)
        nearest = passage.evidence.nearest
        assert nearest is not None
        assert told.nearest is not None
        assert (nearest.start, nearest.end) == (told.nearest.start, told.nearest.end)
        assert nearest.similarity == pytest.approx(told.nearest.similarity, abs=1e-4)


def test_several_knowledge_bases_are_searched_in_one_ranking(
    services: Services, library: KnowledgeBase, worker: MortalWorker
) -> None:
    other = services.knowledge_bases.create(f"other-{uuid4().hex[:12]}")
    services.uploads.receive(other, "ebb.md", [b"With the ebb the tide runs out of the harbour."])
    services.uploads.receive(other, "copy.md", [TEXTS["tides.md"].encode()])
    worker.drain()
    for mode in Mode:
        query = Query("tide in the harbour", mode=mode)
        found = services.retriever.retrieve_across((library, other), query, 20)
        assert {passage.knowledge_base_id for passage in found.passages} == {library.id, other.id}
        assert [passage.rank for passage in found.passages] == list(
            range(1, len(found.passages) + 1)
        )
        scores = [passage.score for passage in found.passages]
        assert scores == sorted(scores, reverse=True)
        assert found.problems == ()
        if mode is Mode.VECTOR:  # whose scores do not depend on what else is there
            alone = [
                passage
                for base in (library, other)
                for passage in services.retriever.retrieve(base, query, 20).passages
            ]
            assert {p.chunk_id: p.score for p in found.passages} == {
                p.chunk_id: p.score for p in alone
            }
    gathered = Query("when does the tide turn", grouping=Grouping.PASSAGE)
    found = services.retriever.retrieve_across((library, other), gathered, 20)
    folded = next(p for p in found.passages if p.document_name in {"tides.md", "copy.md"})
    assert {folded.document_name, *(place.document_name for place in folded.also)} == {
        "tides.md",
        "copy.md",
    }
    again = services.retriever.retrieve_across((library, other), gathered, 20)
    assert again.stages[0].name == "cache"
    services.uploads.receive(other, "new.md", [b"When does the tide turn? At noon."])
    worker.drain()
    found = services.retriever.retrieve_across((library, other), gathered, 20)
    assert "new.md" in {passage.document_name for passage in found.passages}


def test_a_knowledge_base_whose_model_is_away_is_searched_by_words_alone(
    services: Services, library: KnowledgeBase, worker: MortalWorker
) -> None:
    class Away(WatchedEmbedder):
        def embed_query(self, text: str) -> list[float]:
            raise ProviderError(f"The provider is away, and cannot embed {text}.")

    other = services.knowledge_bases.create(f"other-{uuid4().hex[:12]}")
    services.uploads.receive(other, "ebb.md", [b"With the ebb the tide runs out."])
    worker.drain()
    index = services.indexes.active(other.id)
    assert index is not None
    recipe = replace(index.recipe, query_prefix="of another model: ")
    with services.database.engine.begin() as connection:
        connection.execute(
            sqlalchemy.text("UPDATE indexes SET recipe = :recipe WHERE id = :id"),
            {"recipe": recipe.dump(), "id": index.id},
        )
    away = Away(services.embedder)
    embedders = Embedders(lambda _: away, services.embedder)
    retriever = replace(services.retriever, embedders=embedders)
    found = retriever.retrieve_across((library, other), Query("tide"), 20)
    (problem,) = found.problems
    assert problem.startswith(f"{other.name}: searched by words alone. The provider is away")
    assert "ebb.md" in {passage.document_name for passage in found.passages}
    with pytest.raises(ProviderError):
        retriever.retrieve(other, Query("tide"), 20)
