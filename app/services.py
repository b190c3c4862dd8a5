"""The services: what the doors (web, command line) work with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.access.audit import Audit
from app.access.callers import Callers
from app.access.keys import KeyStore
from app.access.limits import RateLimits
from app.access.openid import OpenIdProvider
from app.access.rights import EVERYTHING, Sight
from app.access.sessions import Sessions
from app.access.users import UserStore
from app.access.welcome import Welcomes
from app.answering.answer import Approach
from app.answering.answerer import Answerer
from app.answering.chosen import ChosenModel
from app.answering.conversations import ConversationStore
from app.answering.feedback import FeedbackStore
from app.answering.generator import Generator
from app.answering.metered import MeteredGenerator
from app.answering.prices import window_of
from app.answering.prompt import Prompter
from app.answering.turns import TurnStore
from app.config import Settings
from app.database.capabilities import Capabilities
from app.database.connection import Database
from app.documents.knowledge_bases import KnowledgeBaseStore
from app.documents.model import KnowledgeBase
from app.documents.questions import QuestionStore
from app.documents.searches import SavedSearchStore
from app.documents.store import DocumentStore
from app.embedding.accounted import AccountedEmbedder
from app.embedding.added_models import AddedEmbedders
from app.embedding.embedder import Embedder
from app.embedding.ledger import Ledger
from app.errors import KnowledgeBaseExists, KnowledgeBaseNotFound
from app.evaluation.answers import AnswerEvaluationStore, AnswerEvaluator
from app.evaluation.changeover import Changeover
from app.evaluation.corpus import Corpora
from app.evaluation.evaluations import EvaluationStore
from app.evaluation.evaluator import Evaluator
from app.evaluation.outcome import Way
from app.evaluation.team_questions import TeamEvaluator
from app.indexes.builds import BuildStore
from app.indexes.headings import Headings
from app.indexes.keeping_models import KeepingModels
from app.indexes.store import IndexStore
from app.indexes.switch import Switch
from app.ingestion.building import Building
from app.ingestion.clearing import Clearing
from app.ingestion.deletion import Deletion
from app.ingestion.estimating import Estimator
from app.ingestion.fetching import AddressQueue, Crawler, Sources
from app.ingestion.ingest import Ingest
from app.ingestion.job_control import JobControl
from app.ingestion.job_store import JobStore
from app.ingestion.pace import PaceMeter
from app.ingestion.parsing.pictures import PagePictures
from app.ingestion.portable import Export, Import, QueryHelp
from app.ingestion.renaming import Renaming
from app.ingestion.restoration import Restoration
from app.ingestion.uploads import Uploads
from app.ingestion.worker import Worker
from app.mapping.classifying import Classifier
from app.mapping.maps import Maps
from app.retrieval.explaining import Explainer
from app.retrieval.retriever import Retriever
from app.retrieval.spelling import Speller

FIRST_KNOWLEDGE_BASE = "default"


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
    turns: TurnStore
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

    def close(self) -> None:
        """End the threads and processes that were begun for them; whoever opened TiDB closes it."""
        self.ingest.parsing.close()
        self.pictures.close()
        self.retriever.pool.shutdown(wait=False)

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
