"""The documents that the browser tests read: a harbour's, and one that means harm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.documents.labels import Labels
from app.documents.model import Document, KnowledgeBase
from app.errors import ProviderError, ProviderUnavailable, TextRefused, TidemarkError
from app.indexes.index import IndexState
from app.indexes.recipes import Choice
from app.ingestion.fetching import AddressKind, AddressState
from app.services import Services
from app.web.addresses import address
from tests.factories import pdf
from tests.fakes import WatchedEmbedder
from tests.waiting import wait_until

PILOTAGE = """# Pilotage guide

For masters who enter the harbour for the first time.

## Before arrival

Report to the harbour control on channel 12 two hours before the fairway buoy.
A pilot is compulsory for ships over 70 metres.

## Tides and the bar

The bar at the entrance has a charted depth of 6.2 metres.
The stream turns forty minutes before high water at the pier heads.

| Berth | Depth |
|---|---|
| North quay | 9.0 m |
"""

SAFETY = """# Safety at the quay

## Mooring lines

Nobody stands in the bight of a line that is under load.

## Closing the quay

The harbour master closes the north quay when the wind passes 25 metres a second.
"""

HARBOUR = {
    "pilotage.md": PILOTAGE.encode(),
    "safety.md": SAFETY.encode(),
    "tables.pdf": pdf(
        ["# How to read these tables", "", "Times are in Coordinated Universal Time."],
        ["# Springs and neaps", "", "At springs the tide rises 4.1 metres."],
        title="Tide tables",
    ),
}

ANSWERED = (
    (
        "pilotage.md",
        "when does the stream turn",
        "The stream turns forty minutes before high water",
    ),
    ("safety.md", "may I lock the pier in a gale", "The harbour master closes the north quay"),
    ("tables.pdf", "how high are spring tides", "At springs the tide rises 4.1 metres."),
)

REFUSED = "Nobody may read of the forbidden reef."
TROUBLES: dict[IndexState, TidemarkError] = {
    IndexState.INCOMPLETE: TextRefused(
        "OpenAI refused to embed the text that begins 'Nobody may read'.",
        remedy="Change that text, or leave the document out.",
    ),
    IndexState.FAILED: ProviderError("OpenAI says: the key was withdrawn."),
    IndexState.BUILDING: ProviderUnavailable("OpenAI does not answer."),
}

HARM = '<img src=x onerror="document.title=1">'
HARMFUL_NAME = '<script>alert("name")</script>.md'
HARMFUL = f"""# Notes {HARM}

The lighthouse keeper paints the lamp room every spring. {HARM}
<script>document.title = "harm"</script>
[a link](javascript:alert(1)) ![an image](http://example.org/harm.png)
"""


@dataclass(frozen=True)
class Library:
    """A knowledge base that is filled without a browser."""

    services: Services
    base: KnowledgeBase
    address: str

    def add(self, name: str, content: bytes) -> None:
        self.services.uploads.receive(self.base, name, [content])

    def settle(self) -> None:
        """Wait until the worker has nothing more to do here."""

        def settled() -> bool:
            return all(job.state.ended for job in self.services.jobs.unfinished(self.base.id))

        wait_until(settled, "the worker did not come to an end", look=0.05)

    def with_addresses(self) -> Library:
        """With an address that could not be fetched: it is none of the public internet."""
        queue = self.services.addresses
        queue.add(self.base, {AddressKind.PAGE: ["http://127.0.0.1:9/tides"]}, Labels())

        def refused() -> bool:
            return queue.counts(self.base)[AddressState.FAILED] > 0

        wait_until(refused, "the address was not refused", look=0.05)
        return self

    def second_index(self) -> int:
        """An index beside the active one, compared with it."""
        changeover = self.services.changeover
        others = [
            r for r in changeover.reports.of(self.base.id) if r.index.state != IndexState.ACTIVE
        ]
        if not others:
            index_id = changeover.build(self.base, Choice(chunk_tokens=64))
            self.services.worker().drain()
            changeover.compare(self.base, index_id)
            return index_id
        return others[0].index.id

    def troubled(self) -> str:
        """The address of indexes of which one lacks a document, one has failed and one rests."""
        name = "troubled"
        if name not in {base.name for base, _ in self.services.knowledge_bases.list()}:
            replace(self, base=self.services.knowledge_bases.create(name))._trouble()
        return address("/indexes", ("knowledge-base", name))

    def _trouble(self) -> None:
        self.add("reef.md", REFUSED.encode())
        self.add("seals.md", b"Seals sleep on the sandbank while the pilot waits.")
        self.settle()
        changeover, base = self.services.changeover, self.base
        recipe = changeover.active(base).index.recipe
        for state, error in TROUBLES.items():

            def meet(texts: Sequence[str], error: TidemarkError = error) -> None:
                if REFUSED in texts or not isinstance(error, TextRefused):
                    raise error

            other = replace(recipe, model=f"local/{state}")
            model = WatchedEmbedder(self.services.embedder, before=meet)
            changeover.recipes.embedders.keep(other, model)
            changeover.builds.start(base.id, other, 0.01)

        def met() -> bool:
            return all(r.error or r.index.state == "active" for r in changeover.reports.of(base.id))

        wait_until(met, "the builds did not meet what they were to")
        for report in changeover.reports.of(base.id):
            if report.index.state == IndexState.BUILDING:
                changeover.switch.pause(base.id, report.index.id)

    def document(self, name: str) -> Document:
        return self.services.documents.by_name(self.base.id, name)

    def mapped(self) -> str:
        """The address of a map that is drawn already."""
        index = self.services.indexes.active(self.base.id)
        assert index is not None
        self.services.maps.drawing(index)
        return self.at("/map")

    def measured(self) -> str:
        """The address of a quality page that shows runs: they are made where there are none."""
        if not self.services.evaluations.list(self.base.id):
            for name, question, quote in ANSWERED:
                document = self.document(name)
                self.services.questions.save(self.base.id, question, document.id, quote)
            for _ in range(2):
                evaluated = self.services.team_evaluator().evaluate(
                    self.base, self.services.ways, lambda *_: None
                )
                self.services.evaluations.keep(self.base.id, evaluated)
        return self.at("/quality")

    def at(self, path: str, **parameters: str | int) -> str:
        """A page's address for this knowledge base."""
        given = list(parameters.items())
        return address(path, ("knowledge-base", self.base.name), *given)
