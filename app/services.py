"""The composition root: every object is made here, once."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from pydantic import SecretStr
from sqlalchemy import URL

from app.access.audit import Audit
from app.access.callers import Callers
from app.access.keys import KeyLimits, KeyStore
from app.access.limits import RateLimits
from app.access.openid import OpenIdProvider, make_openid
from app.access.rights import EVERYTHING, Sight
from app.access.sessions import Sessions
from app.access.users import UserStore
from app.access.welcome import Welcomes
from app.answering.answer import Approach
from app.answering.answerer import Answerer
from app.answering.chosen import ChosenModel
from app.answering.conversations import ConversationStore
from app.answering.feedback import FeedbackStore
from app.answering.generator import Generator, make_generator, warm_up_client, whole_reply
from app.answering.metered import MeteredGenerator
from app.answering.prices import window_of
from app.answering.prompt import Prompter
from app.config import Settings
from app.database.capabilities import Capabilities, probe
from app.database.connection import Database
from app.database.embedded import EmbeddedServer
from app.database.migrations import migrate
from app.database.moving import Move, Moved, Report
from app.documents.knowledge_bases import KnowledgeBaseStore
from app.documents.model import KnowledgeBase
from app.documents.questions import QuestionStore
from app.documents.searches import SavedSearchStore
from app.documents.store import DocumentStore
from app.embedding.accounted import AccountedEmbedder
from app.embedding.added_models import AddedEmbedders, AddedModels, settings_of_model
from app.embedding.embedder import Embedder
from app.embedding.ledger import Ledger
from app.embedding.making import make_embedder, warm_up
from app.embedding.prices import price
from app.embedding.sharing import share
from app.embedding.vault import Vault
from app.errors import KnowledgeBaseExists, KnowledgeBaseNotFound
from app.evaluation.answers import AnswerEvaluationStore, AnswerEvaluator
from app.evaluation.changeover import Changeover
from app.evaluation.comparison import Comparer
from app.evaluation.corpus import Corpora
from app.evaluation.evaluations import EvaluationStore
from app.evaluation.evaluator import Evaluator
from app.evaluation.known_items import KnownItems
from app.evaluation.outcome import Way
from app.evaluation.promotion import ScheduledPromotion
from app.evaluation.question_writer import QuestionWriter
from app.evaluation.team_questions import TeamEvaluator
from app.evaluation.written_questions import WrittenQuestionStore
from app.indexes.builds import BuildStore
from app.indexes.courtesy import Courtesy
from app.indexes.document_vectors import DocumentVectorReader
from app.indexes.embedders import Embedders
from app.indexes.headings import Headings
from app.indexes.hits import HitReader
from app.indexes.keeping_models import KeepingModels
from app.indexes.keyword_search import KeywordSearch
from app.indexes.narrowing import Narrowing
from app.indexes.recipes import Recipes, settings_for
from app.indexes.refusals import Refusals
from app.indexes.reports import IndexReports
from app.indexes.store import IndexStore
from app.indexes.switch import Switch
from app.indexes.true_rank import TrueRank
from app.indexes.vector_plan import VectorPlanner
from app.indexes.vector_search import VectorSearch
from app.indexes.vocabulary import Vocabulary
from app.ingestion.building import Building
from app.ingestion.clearing import Clearing
from app.ingestion.deletion import Deletion
from app.ingestion.estimating import Estimator
from app.ingestion.fetching import AddressQueue, Crawler, Fetcher, Sources
from app.ingestion.ingest import Ingest
from app.ingestion.job_control import JobControl
from app.ingestion.job_store import JobStore
from app.ingestion.pace import PaceMeter
from app.ingestion.parsing import Parsing
from app.ingestion.parsing.pictures import PagePictures
from app.ingestion.planning import Planner
from app.ingestion.portable import Export, Import, QueryHelp
from app.ingestion.publication import Publication
from app.ingestion.renaming import Renaming
from app.ingestion.restoration import Restoration
from app.ingestion.uploads import Uploads
from app.ingestion.worker import Worker
from app.mapping.classifying import Classifier
from app.mapping.maps import Maps
from app.retrieval.explaining import Explainer
from app.retrieval.reranking import make_reranker
from app.retrieval.retriever import Retriever
from app.retrieval.spelling import Speller

FIRST_KNOWLEDGE_BASE = "default"
SEARCHES_AT_ONCE = 8

Announce = Callable[[str], None]


@dataclass(frozen=True)
class Services:
    """What the doors (web, command line) work with."""

    settings: Settings
    database: Database
    capabilities: Capabilities
    embedded: bool
    """Whether the TiDB is the one that Tidemark brought along."""
    embedder: Embedder
    knowledge_bases: KnowledgeBaseStore
    documents: DocumentStore
    indexes: IndexStore
    jobs: JobStore
    job_control: JobControl
    pace_meter: PaceMeter
    uploads: Uploads
    estimator: Estimator
    sources: Sources
    addresses: AddressQueue
    deletion: Deletion
    restoration: Restoration
    renaming: Renaming
    retriever: Retriever
    explainer: Explainer
    generator: Generator | None
    """The chat model of the settings."""
    chosen_model: ChosenModel
    """The one that was chosen on its page, where the settings name none."""
    conversations: ConversationStore
    feedback: FeedbackStore
    ingest: Ingest
    pictures: PagePictures
    builds: BuildStore
    building: Building
    switch: Switch
    changeover: Changeover
    clearing: Clearing
    questions: QuestionStore
    saved_searches: SavedSearchStore
    speller: Speller
    headings: Headings
    maps: Maps
    classifier: Classifier
    evaluations: EvaluationStore
    answer_evaluations: AnswerEvaluationStore
    keys: KeyStore
    users: UserStore
    sessions: Sessions
    welcomes: Welcomes
    audit: Audit
    ledger: Ledger
    added: AddedEmbedders
    """Embedding models beside the one in the settings."""
    keeping_models: KeepingModels
    callers: Callers
    openid: OpenIdProvider | None
    """Another way to sign in than by a password."""
    rate_limits: RateLimits
    sight: Sight = EVERYTHING
    """The knowledge bases that are there for whoever works with these services."""

    def seen_by(self, sight: Sight) -> Services:
        """The same, to whom only the knowledge bases of `sight` are there."""
        if sight.roles is None:
            return self
        return replace(
            self,
            sight=sight,
            knowledge_bases=replace(self.knowledge_bases, sight=sight),
            documents=replace(self.documents, sight=sight),
            conversations=replace(self.conversations, sight=sight),
            feedback=replace(self.feedback, sight=sight),
            jobs=replace(self.jobs, sight=sight),
            job_control=replace(self.job_control, sight=sight),
            deletion=replace(self.deletion, sight=sight),
            sources=replace(self.sources, sight=sight),
            restoration=replace(self.restoration, sight=sight),
            renaming=replace(self.renaming, sight=sight),
        )

    def worker(self) -> Worker:
        """A worker of its own queue position; start it, and stop it before the services close."""
        crawler = Crawler(self.addresses, self.sources, self.knowledge_bases)
        return Worker(self.jobs, self.ingest, self.building, self.clearing, crawler)

    def evaluator(self) -> Evaluator:
        """What measures retrieval; it works the queue itself while it takes a corpus in."""
        corpora = Corpora(
            knowledge_bases=self.knowledge_bases,
            documents=self.documents,
            indexes=self.indexes,
            uploads=self.uploads,
            deletion=self.deletion,
            new_worker=self.worker,
            embedder=self.embedder,
        )
        return Evaluator(corpora, self.retriever, self.settings.chunk_tokens)

    def exporter(self) -> Export:
        """What writes a knowledge base to a file."""
        return Export(self.database, self.documents, self.indexes, self._query_help(), self.sources)

    def importer(self) -> Import:
        """What takes such a file in."""
        return Import(self.database, self.uploads, self.ingest, self._query_help(), self.sources)

    def _query_help(self) -> QueryHelp:
        return QueryHelp(self.knowledge_bases, self.documents, self.questions, self.saved_searches)

    def team_evaluator(self) -> TeamEvaluator:
        """What measures retrieval on a knowledge base's own questions."""
        return TeamEvaluator(self.questions, self.retriever, self._searched_with)

    def answer_evaluator(self) -> AnswerEvaluator:
        """What measures answers to a knowledge base's own questions."""

        def made_with(base: KnowledgeBase) -> dict[str, str]:
            generator = self.chat_model()
            chat = generator.model if generator else "none: extracts"
            return {"chat": chat, **self._searched_with(base)}

        return AnswerEvaluator(self.questions, self.answerer, made_with)

    def _searched_with(self, base: KnowledgeBase) -> dict[str, str]:
        index = self.indexes.active(base.id)
        reranker = self.retriever.reranking.reranker
        return {
            "model": index.recipe.model if index else "none",
            "chunks": f"{index.recipe.chunk_tokens} tokens" if index else "none",
            "index": str(index.id if index else 0),
            "reranker": reranker.name if reranker else "none",
        }

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways to search that there are with these settings."""
        reranks = self.retriever.reranking.reranker is not None
        return tuple(way for way in Way if reranks or way is not Way.RERANKED)

    def answerer(
        self,
        base: KnowledgeBase,
        top_k: int,
        approach: Approach = "quick",
        further: Sequence[KnowledgeBase] = (),
    ) -> Answerer:
        """What answers questions from knowledge bases, by reading at most `top_k` passages.

        What it spends is counted as that of `base`.
        """
        bases = (base, *further)
        index = self.indexes.active(base.id)
        embedder = self.embedder if index is None else self.retriever.embedders.of(index.recipe)
        return Answerer.of(
            lambda query: self.retriever.retrieve_across(bases, query, top_k),
            self.generator_for(base),
            AccountedEmbedder(embedder, base.id),
            Prompter.within(
                window_of(self.chosen_model.settings_in_use()), self.documents.characters
            ),
            approach,
            judging=self.settings.chat_judge,
        )

    def generator_for(self, base: KnowledgeBase) -> Generator | None:
        """The chat model, whose tokens are counted as the knowledge base's."""
        generator = self.chat_model()
        return None if generator is None else MeteredGenerator(generator, self.ledger, base.id)

    def chat_model(self) -> Generator | None:
        """What writes answers; without one, they are extracts.

        Raises:
            InvalidSetting: the key of a chosen one cannot be read.
        """
        return self.generator or self.chosen_model.generator()

    def first_knowledge_base(self) -> KnowledgeBase:
        """The knowledge base that is there from the start, so that nobody must make one first."""
        bases = self.knowledge_bases.list()
        if not bases and self.sight.roles is not None:
            raise KnowledgeBaseNotFound(
                "There is no knowledge base for you as yet.",
                remedy="Ask an administrator to let you into one.",
            )
        if not bases:
            try:
                return self.knowledge_bases.create(FIRST_KNOWLEDGE_BASE)
            except KnowledgeBaseExists:  # another process was quicker
                return self.knowledge_bases.get(FIRST_KNOWLEDGE_BASE)
        named = {base.name: base for base, _ in bases}
        return named.get(FIRST_KNOWLEDGE_BASE, bases[0][0])


@contextmanager
def open_services(
    settings: Settings, announce: Announce, *, serving: bool = False
) -> Iterator[Services]:
    """Everything that Tidemark needs, for as long as the context lasts.

    Starts the embedded TiDB where none is configured, and gives it back in the end. The model is
    loaded meanwhile. A process that is `serving` sets what was loaded aside from its garbage.

    Raises:
        TidemarkError: whatever stands in the way, in words.
    """
    with ExitStack() as stack:
        if serving:
            stack.callback(gc.unfreeze)  # what is closed is garbage like any other
        loading = stack.enter_context(ThreadPoolExecutor(1, "loading"))
        embedder = loading.submit(make_embedder, settings, announce)
        database, capabilities = stack.enter_context(open_database(settings, announce))
        services = compose(settings, database, capabilities, embedder.result(), announce)
        # The client of remote models takes seconds to import: not the first question's seconds.
        loading.submit(warm_up, services.embedder)
        if services.generator is not None or services.chosen_model.chosen() is not None:
            loading.submit(warm_up_client)
        if serving:  # what was loaded stays: to look through it holds everybody up for .3 seconds
            loading.submit(gc.freeze)
        stack.callback(services.ingest.parsing.close)
        stack.callback(services.pictures.close)
        yield services


@contextmanager
def open_database(
    settings: Settings, announce: Announce
) -> Iterator[tuple[Database, Capabilities]]:
    """The settings' TiDB with this version's tables, and what it can do.

    Raises:
        TidemarkError: it cannot be had, or is no TiDB that can be used.
    """
    with ExitStack() as stack:
        database = Database.connect(database_url(settings, announce, stack))
        stack.callback(database.dispose)
        capabilities = probe(database)
        if done := migrate(database):
            announce(f"Brought the database to revision {done[-1]}.")
        yield database, capabilities


def move_database(settings: Settings, url: str, announce: Announce, report: Report) -> Moved:
    """Copy everything from the settings' TiDB to the one at `url`, which is empty.

    Raises:
        DatabaseRefused: it is not empty, or somebody changed something meanwhile.
        TidemarkError: one of the two cannot be had.
    """
    target_settings = settings.model_copy(update={"tidb_database_url": SecretStr(url)})
    with (
        open_database(settings, announce) as (source, _),
        open_database(target_settings, announce) as (target, capabilities),
    ):
        moved = Move(source, target).run(report)
        index_store(target, capabilities).add_server_indexes()
        return moved


def database_url(settings: Settings, announce: Announce, stack: ExitStack) -> str | URL:
    """The configured TiDB's URL, or that of the embedded one, which `stack` gives back."""
    if settings.tidb_database_url is not None:
        return settings.tidb_database_url.get_secret_value()
    server = EmbeddedServer(
        settings.data_dir, settings.cache_dir, settings.tidb_memory_mb, announce
    )
    lease = stack.enter_context(server.acquire())
    for damage in lease.damaged_tables:
        announce(f"TiDB found damage after an unclean stop: {damage}")
    return lease.url


def index_store(database: Database, capabilities: Capabilities) -> IndexStore:
    """The store of indexes, which get what this server has for them."""
    return IndexStore(
        database,
        vector_index=capabilities.tiflash_stores > 0,
        full_text=capabilities.may_have_full_text,
    )


def compose(
    settings: Settings,
    database: Database,
    capabilities: Capabilities,
    embedder: Embedder,
    announce: Announce,
) -> Services:
    """Wire the objects to each other; nothing is started."""

    added = AddedModels(database, Vault.of(settings))

    def make(chosen: Settings) -> Embedder:
        if chosen.embedding_model != settings.embedding_model:
            chosen = added.settings_of(chosen.embedding_model, chosen)
        made = make_embedder(chosen, announce)
        share(made, chosen, database)
        return made

    generator = make_generator(settings)
    share(embedder, settings, database)
    embedders = Embedders(lambda recipe: make(settings_for(settings, recipe)), embedder)
    full_text = capabilities.may_have_full_text
    indexes = index_store(database, capabilities)
    builds = BuildStore(database)
    publication = Publication(database)
    courtesy = Courtesy()
    recipes = Recipes(settings, embedders, make, added.names)
    knowledge_bases = KnowledgeBaseStore(database)
    documents = DocumentStore(database)
    switch = Switch(database)
    reports = IndexReports(database, indexes.vector_index)
    jobs = JobStore(database)
    uploads = Uploads(database, jobs, settings.max_upload_mb)
    ledger = Ledger(database, settings.embedding_budget)

    def priced(model: str) -> float | None:
        return price(model, added.endpoint_of(model, settings))

    keys, users, sessions = KeyStore(database), UserStore(database), Sessions(database)
    words = KeywordSearch(database, full_text=full_text)
    retriever = Retriever(
        indexes,
        embedders,
        VectorSearch(database, VectorPlanner(capabilities)),
        words,
        HitReader(database),
        Narrowing(database),
        ThreadPoolExecutor(SEARCHES_AT_ONCE, "words"),
        make_reranker(settings, None if generator is None else whole_reply(generator)),
        courtesy,
    )
    questions = QuestionStore(database)
    chosen_model = ChosenModel(database, Vault.of(settings), settings, make_generator)

    def writing(base: KnowledgeBase) -> Generator | None:
        return services.generator_for(base)  # which are made below

    writer = QuestionWriter(writing, WrittenQuestionStore(database))
    comparer = Comparer(retriever, KnownItems(documents), questions, writer)
    scheduled = ScheduledPromotion(knowledge_bases, indexes, reports, builds, comparer, switch)
    kept = timedelta(days=settings.keep_deleted_days)
    parsing = Parsing()  # begins its processes when they are needed
    services = Services(
        settings=settings,
        database=database,
        capabilities=capabilities,
        embedded=settings.tidb_database_url is None,
        embedder=embedder,
        knowledge_bases=knowledge_bases,
        documents=documents,
        indexes=indexes,
        jobs=jobs,
        job_control=JobControl(database),
        pace_meter=PaceMeter(database),
        uploads=uploads,
        estimator=Estimator(
            documents,
            indexes,
            embedders,
            parsing,
            ledger,
            priced,
            settings.max_upload_mb * 1_000_000,
        ),
        sources=Sources(database, uploads, Fetcher(settings.max_upload_mb, settings.private_hosts)),
        addresses=AddressQueue(database),
        deletion=Deletion(database),
        restoration=Restoration(database, jobs, kept),
        renaming=Renaming(database),
        retriever=retriever,
        explainer=Explainer(retriever, TrueRank(database, words)),
        generator=generator,
        chosen_model=chosen_model,
        conversations=ConversationStore(database),
        feedback=FeedbackStore(database),
        ingest=Ingest(
            database,
            jobs,
            indexes,
            builds,
            embedders,
            parsing,
            publication,
            recipes.of_settings,
            courtesy,
        ),
        pictures=PagePictures(),
        builds=builds,
        building=Building(
            database, indexes, builds, embedders, publication, courtesy, scheduled.look_at
        ),
        switch=switch,
        changeover=Changeover(
            indexes,
            recipes,
            reports,
            builds,
            switch,
            Refusals(database),
            JobControl(database),
            Planner(database, embedders),
            comparer,
            priced,
        ),
        clearing=Clearing(database, keep_deleted=kept, keep_revisions=settings.keep_revisions),
        questions=questions,
        saved_searches=SavedSearchStore(database),
        speller=Speller(words, Vocabulary(database)),
        headings=Headings(database),
        maps=Maps(DocumentVectorReader(database)),
        classifier=Classifier(documents),
        evaluations=EvaluationStore(database),
        answer_evaluations=AnswerEvaluationStore(database),
        keys=keys,
        users=users,
        sessions=sessions,
        welcomes=Welcomes(database),
        audit=Audit(database),
        ledger=ledger,
        added=AddedEmbedders(added, lambda model: make(settings_of_model(settings, model))),
        keeping_models=KeepingModels(settings, added, indexes),
        callers=Callers(keys, users, sessions, settings.asks_who_calls),
        openid=make_openid(settings),
        rate_limits=RateLimits(
            database,
            KeyLimits(settings.requests_per_minute, settings.tokens_per_minute),
        ),
    )
    return services
