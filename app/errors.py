"""What can go wrong: one class each, with its HTTP status and a remedy.

The message says what happened and to what; `remedy` says what to do about it. Every door (HTTP, the
command line, a job's record) shows both, so no caller ever composes its own wording.
"""

from __future__ import annotations

import math
from typing import ClassVar


class TidemarkError(Exception):
    """Something a person or a client should be told about, in words."""

    status_code: ClassVar[int] = 500
    remedy: str = ""
    retryable: ClassVar[bool] = False
    """Whether the same call may succeed later without anything being changed."""

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if remedy is not None:
            self.remedy = remedy

    @property
    def code(self) -> str:
        """A stable name for programs: the class name in snake case."""
        name = type(self).__name__
        return "".join(
            "_" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(name)
        )


# Settings


class InvalidSetting(TidemarkError):
    """A setting is unknown or has a value that cannot be used."""

    remedy = "See .env.example for every setting, its meaning and its default."


# Database


class DatabaseUnavailable(TidemarkError):
    """TiDB does not answer, or refuses the connection."""

    status_code = 503
    retryable = True
    remedy = (
        "Check that TiDB runs and that TIDB_DATABASE_URL is right; `tidemark doctor` tells more."
    )


class DatabaseRefused(TidemarkError):
    """TiDB answers, and refuses what Tidemark needs of it: its version, its user or its rights."""

    status_code = 503


class EmbeddedServerFailed(TidemarkError):
    """The TiDB that Tidemark brings along could not be found, built, started or stopped."""

    status_code = 503


# Asked-for things that are not there, or may not be so


class KnowledgeBaseNotFound(TidemarkError):
    """No knowledge base of that name that the caller may read."""

    status_code = 404
    remedy = "List the knowledge bases to see what is there."


class KnowledgeBaseExists(TidemarkError):
    """A knowledge base of that name is there already."""

    status_code = 409
    remedy = "Choose another name, or use the one that is there."


class DocumentNotFound(TidemarkError):
    """No document of that id in a knowledge base that the caller may read."""

    status_code = 404
    remedy = "List the knowledge base's documents to see what is there."


class DocumentExists(TidemarkError):
    """Another document of the knowledge base has that name."""

    status_code = 409
    remedy = "Choose another name, or delete the document that has it."


class SearchNotFound(TidemarkError):
    """The knowledge base has no saved search of that id."""

    status_code = 404
    remedy = "List the knowledge base's saved searches to see what is there."


class QuestionNotFound(TidemarkError):
    """The knowledge base has no test question of that id."""

    status_code = 404
    remedy = "List the knowledge base's questions to see what is there."


class EvaluationNotFound(TidemarkError):
    """The knowledge base has no evaluation of that id."""

    status_code = 404
    remedy = "Open the knowledge base's Quality page to see what is there."


class RevisionNotFound(TidemarkError):
    """The document has no such revision, or none that is ready to be read."""

    status_code = 404
    remedy = "Wait until the document is ingested, or open its current revision."


class SourceNotFound(TidemarkError):
    """The document was not fetched from an address."""

    status_code = 404
    remedy = "Upload the file again, or add the address that it is to be fetched from."


class TooLongToCompare(TidemarkError):
    """Two revisions that differ in more lines than are compared."""

    status_code = 422
    remedy = "Download both, and compare them with a program that is made for it."


class UserNotFound(TidemarkError):
    """No user of that name or id."""

    status_code = 404
    remedy = "List the users to see who is there."


class UserExists(TidemarkError):
    """A user of that name is there already."""

    status_code = 409
    remedy = "Choose another name, or change the user who is there."


class KeyNotFound(TidemarkError):
    """No API key of that id that the caller may see."""

    status_code = 404
    remedy = "List the keys to see what is there."


class ConversationNotFound(TidemarkError):
    """No conversation, turn or shared link of that name for whoever asks."""

    status_code = 404
    remedy = "List your conversations, or ask the question again."


class JobNotFound(TidemarkError):
    """No job of that id."""

    status_code = 404
    remedy = "List the knowledge base's documents to see their jobs."


class JobNotSteerable(TidemarkError):
    """A job that is in no state to be paused, resumed, cancelled or tried again."""

    status_code = 409
    remedy = "Look at the knowledge base's documents to see how it stands now."


class IndexNotFound(TidemarkError):
    """The knowledge base has no index of that id, or has dropped it."""

    status_code = 404
    remedy = "List the knowledge base's indexes to see what is there."


class IndexConflict(TidemarkError):
    """The index's state does not allow what was asked for."""

    status_code = 409
    remedy = "See the page Indexes for what can be done with it now."


class VectorIndexFailed(TidemarkError):
    """TiFlash says that it cannot build an index's vector index."""

    status_code = 503
    retryable = True
    remedy = "See TiFlash's log; the build is tried again."


class PageNotFound(TidemarkError):
    """No page or endpoint at that address."""

    status_code = 404
    remedy = "Start from the search page, or see /docs for the API."


class InvalidName(TidemarkError):
    """A name that cannot be used for a knowledge base or a document."""

    status_code = 422
    remedy = "Use a name of printable characters, without control characters, that is not too long."


class InvalidRequest(TidemarkError):
    """A request whose parameters or body cannot be used."""

    status_code = 422
    remedy = "See /docs for what the endpoint takes."


class HeadersTooLong(TidemarkError):
    """A request whose address or headers are longer than what is read of them."""

    status_code = 431
    remedy = "Send fewer or shorter headers; in a browser, delete this site's cookies."


class ForbiddenRequest(TidemarkError):
    """A request that a page of another site could have made in the reader's name."""

    status_code = 403
    remedy = "Open Tidemark at its own address and try again."


# Who may do what


class NoAdministrator(TidemarkError):
    """Others can reach this Tidemark, and nobody administers it: so it serves nobody."""

    status_code = 503
    remedy = (
        "Open the link that was printed when it started, or run "
        "`tidemark user create NAME --administrator` where it runs."
    )


class NotSignedIn(TidemarkError):
    """A request by nobody in particular, for what not everybody may do."""

    status_code = 401
    remedy = "Send an API key in the header 'Authorization: Bearer <key>'."


class WrongKey(NotSignedIn):
    """An API key that is unknown, revoked or expired."""

    remedy = "Check the key, or ask an administrator for another."


class WrongPassword(TidemarkError):
    """A name and a password that do not belong together, whichever of the two is wrong."""

    status_code = 403
    remedy = "Check both, and try again; an administrator can set a new password."


class SignInFailed(TidemarkError):
    """The OpenID provider does not vouch for whoever came back from it, or cannot be asked."""

    status_code = 403
    remedy = "Try to sign in again; if it stays so, tell an administrator."


class NotAllowed(TidemarkError):
    """Something that the caller can see, or that everybody knows of, and may not do."""

    status_code = 403
    remedy = "Ask an administrator to do it, or for the right to."


class RateLimited(TidemarkError):
    """More requests or tokens in a minute than a key, or everyone together, may use."""

    status_code = 429
    retryable = True

    def __init__(self, message: str, *, kind: str, seconds: float) -> None:
        self.kind = kind
        self.retry_after = max(1, math.ceil(seconds))  # whole seconds
        super().__init__(message, remedy=f"Try again in {self.retry_after} s.")


# Documents that cannot be read


class UnreadableDocument(TidemarkError):
    """A document's bytes cannot be turned into text."""

    status_code = 422
    remedy = "Check that the file opens in its own program, and upload it again."


class EmptyDocument(UnreadableDocument):
    """A document without any text."""

    remedy = "Upload a file that has text in it."


class DocumentTooLarge(UnreadableDocument):
    """A document over the size limit."""

    status_code = 413
    remedy = "Split the file, or raise TIDEMARK_MAX_UPLOAD_MB."


class AddressRefused(UnreadableDocument):
    """An address that Tidemark does not fetch: not of the web, or not on the public internet."""

    remedy = (
        "Save the page as a file and upload that, or name its host in "
        "TIDEMARK_FETCH_PRIVATE_HOSTS if it is in your own network."
    )


class PageUnavailable(UnreadableDocument):
    """An address that cannot be fetched; `status` is what its site replied, if it did.

    `silent` tells of one whose site did not answer.
    """

    status_code = 502
    remedy = "Check the address, and try again later."

    def __init__(
        self,
        message: str,
        *,
        remedy: str | None = None,
        status: int | None = None,
        silent: bool = False,
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status
        self.silent = silent

    @property
    def may_pass(self) -> bool:
        """Whether the same address may answer a little later, with nothing being changed."""
        status = self.status or 0
        return self.silent or status in {408, 425, 429} or status >= 500  # noqa: PLR2004


class PasswordProtected(UnreadableDocument):
    """A document that needs a password to be opened."""

    remedy = "Save a copy without the password, and upload that."


class ScannedDocument(UnreadableDocument):
    """A document of page images, with no text to read."""

    remedy = "Run text recognition (OCR) on the file, and upload the result."


class UnsupportedMediaType(UnreadableDocument):
    """A kind of file that Tidemark has no parser for."""

    status_code = 415
    remedy = (
        "Upload text, Markdown, HTML, PDF, an Office or OpenDocument file, EPUB, RTF, an e-mail,"
        " CSV, JSON, XML, a notebook, source code, or a ZIP or TAR of these, or save it as one."
    )


class ParserUnavailable(TidemarkError):
    """The process that reads documents cannot be begun: the machine's fault, no document's."""

    status_code = 503
    retryable = True
    remedy = "Free memory on the machine; the document is tried again."


# Providers of models


class ProviderError(TidemarkError):
    """A model's provider refused, failed, or replied with something that cannot be used."""

    status_code = 502
    remedy = "Check the provider's address, key and model name; `tidemark doctor` tries them."


class ProviderUnavailable(ProviderError):
    """A provider that is down, slow or over its limit; the same call may pass later."""

    status_code = 503
    retryable = True
    remedy = "Wait and try again; if it stays so, check the provider."


class TextRefused(ProviderError):
    """A provider embeds other texts, and not this one: too long for it, or not to its liking."""

    @property
    def code(self) -> str:
        return "provider_error"  # one name for programs


class ModelNotFound(TidemarkError):
    """No added model of that name."""

    status_code = 404
    remedy = "The page Models lists those that there are."


class ModelInUse(TidemarkError):
    """A model that an index needs: what it embeds its questions and new documents with."""

    status_code = 409
    remedy = "Drop those indexes, or switch to another and drop them; then remove the model."


class ModelExists(TidemarkError):
    """A model of that name has been added already."""

    status_code = 409
    remedy = "Remove that one first."


class BudgetSpent(TidemarkError):
    """The day's budget does not suffice for the next request of bulk work."""

    status_code = 402
    remedy = (
        "What is embedded is kept. Go on tomorrow (UTC), or with a larger "
        "TIDEMARK_EMBEDDING_BUDGET."
    )


class EmbeddingMismatch(ProviderError):
    """A provider's reply does not fit what was asked: count, width, NaN or zero vectors."""

    remedy = "Check that the model's name and TIDEMARK_EMBEDDING_DIMENSIONS belong together."


class ModelUnavailable(TidemarkError):
    """A local model's files are missing, damaged, or of a kind that Tidemark cannot run."""

    status_code = 503
    remedy = "Name a folder in the sentence-transformers layout of the BERT family."


class DamagedArchive(TidemarkError):
    """An archive of a knowledge base that is cut off, changed, or none of Tidemark's."""

    status_code = 422
    remedy = "Write the archive again with `tidemark export`, and copy it whole."


class InvalidCollection(TidemarkError):
    """A folder that does not hold a judged collection in the BEIR layout."""

    status_code = 422
    remedy = "The folder needs corpus.jsonl(.gz), queries.jsonl(.gz) and qrels.tsv."
