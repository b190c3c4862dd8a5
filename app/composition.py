"""The composition root: every object is made here, once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from app.access.audit import Audit
from app.access.callers import Callers
from app.access.keys import KeyLimits, KeyStore
from app.access.limits import RateLimits
from app.access.openid import make_openid
from app.access.sessions import Sessions
from app.access.users import UserStore
from app.access.welcome import Welcomes
from app.answering.chosen import ChosenModel
from app.answering.conversations import ConversationStore
from app.answering.feedback import FeedbackStore
from app.answering.generator import Generator, whole_reply
from app.answering.making import make_generator
from app.answering.turns import TurnStore
from app.config import Settings
from app.database.capabilities import Capabilities
from app.database.connection import Database
from app.documents.knowledge_bases import KnowledgeBaseStore
from app.documents.model import KnowledgeBase
from app.documents.questions import QuestionStore
from app.documents.searches import SavedSearchStore
from app.documents.store import DocumentStore
from app.embedding.added_models import AddedEmbedders, AddedModels, settings_of_model
from app.embedding.embedder import Embedder
from app.embedding.ledger import Ledger
from app.embedding.making import make_embedder
from app.embedding.prices import price
from app.embedding.sharing import share
from app.embedding.vault import Vault
from app.evaluation.answers import AnswerEvaluationStore
from app.evaluation.changeover import Changeover
from app.evaluation.comparison import Comparer
from app.evaluation.evaluations import EvaluationStore
from app.evaluation.known_items import KnownItems
from app.evaluation.promotion import ScheduledPromotion
from app.evaluation.question_writer import QuestionWriter
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
from app.ingestion.fetching import AddressQueue, Fetcher, Sources
from app.ingestion.ingest import Ingest
from app.ingestion.job_control import JobControl
from app.ingestion.job_store import JobStore
from app.ingestion.pace import PaceMeter
from app.ingestion.parsing import Parsing
from app.ingestion.parsing.pictures import PagePictures
from app.ingestion.planning import Planner
from app.ingestion.publication import Publication
from app.ingestion.renaming import Renaming
from app.ingestion.restoration import Restoration
from app.ingestion.uploads import Uploads
from app.mapping.classifying import Classifier
from app.mapping.maps import Maps
from app.retrieval.explaining import Explainer
from app.retrieval.reranking import make_reranker
from app.retrieval.retriever import Retriever
from app.retrieval.spelling import Speller
from app.services import Services

SEARCHES_AT_ONCE = 8

Announce = Callable[[str], None]


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
        turns=TurnStore(database),
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
