"""What a search can be narrowed to, and the addresses of those that differ a little from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from app.documents.kinds import kind, kind_name
from app.documents.labels import TAG
from app.documents.store import DocumentFacts
from app.retrieval.passage import Retrieval
from app.retrieval.query import Grouping, Mode, Query
from app.services import Services
from app.web.addresses import search_address
from app.web.search_params import FEW, SearchParams

MODES = ((Mode.HYBRID, "Meaning and words"), (Mode.VECTOR, "Meaning"), (Mode.KEYWORD, "Words"))
MOST_CHIPS = 8  # of a group
MOST_GROUPS = 5  # of labels


@dataclass(frozen=True)
class Chip:
    """What results can be narrowed to, or are narrowed to already; `count` of the candidates."""

    label: str
    address: str
    on: bool = False
    count: int | None = None


@dataclass(frozen=True)
class ChipGroup:
    name: str
    chips: tuple[Chip, ...]


@dataclass(frozen=True)
class Asking:
    """A search of a knowledge base, and the addresses of searches that differ a little."""

    base: str
    params: SearchParams
    bases: Mapping[int, str] = field(default_factory=dict)
    """The names of all that are searched, by their ids, where that is more than `base`."""

    def of(self, knowledge_base_id: int) -> Asking:
        """The same, of one of the knowledge bases that are searched, alone."""
        if not self.bases:
            return self
        params = self.params.model_copy(update={"everywhere": False})
        return Asking(self.bases.get(knowledge_base_id, self.base), params)

    def at(self, **changes: object) -> str:
        return search_address(self.base, *self.params.model_copy(update=changes).pairs())

    def modes(self) -> tuple[Chip, ...]:
        return tuple(Chip(label, self.at(mode=m), on=m is self.params.mode) for m, label in MODES)

    def other_grouping(self) -> Chip:
        """The search by documents; or, where it is that already, by passages."""
        if self.params.group is Grouping.DOCUMENT:
            return Chip("One result a passage", self.at(group=Grouping.PASSAGE))
        return Chip("One result a document", self.at(group=Grouping.DOCUMENT))

    def ways_on(self, query: Query) -> tuple[tuple[str, str], ...]:
        """Searches that find more than this one, what each would be said with its address."""
        plain = type(self.params)(q=query.text, mode=self.params.mode)
        words = replace(self, params=plain.model_copy(update={"everywhere": bool(self.bases)}))
        ways = []
        if query.phrases or query.without:
            ways.append(("Search for these words in any order", words.at()))
        if query.filter or query.document_ids:
            ways.append(("Search all documents", words.at()))
        if query.mode is Mode.KEYWORD:
            ways.append(("Search by meaning too", self.at(mode=Mode.HYBRID)))
        return tuple(ways)


def chip_groups(services: Services, asking: Asking, retrieval: Retrieval) -> tuple[ChipGroup, ...]:
    """What the search is narrowed to; and, of what was found, what it could be narrowed to."""
    facts = services.documents.facts(retrieval.revision_ids())
    found = [facts[each] for each in retrieval.revision_ids() if each in facts]
    groups = (
        ChipGroup("Only in", tuple(_let_go(asking, services))),
        ChipGroup("Knowledge base", tuple(_bases(asking, found))),
        _documents(asking, found),
        _kinds(asking, found),
        *_labels(asking, found),
    )
    return tuple(group for group in groups if group.chips)


def _let_go(asking: Asking, services: Services) -> Iterable[Chip]:
    params = asking.params
    for document_id in params.document:
        others = tuple(each for each in params.document if each != document_id)
        name = services.documents.get(document_id).name
        yield Chip(name, asking.at(document=others, top_k=FEW), on=True)
    for by in ("name", "type", "tag", "metadata", "section"):
        given: tuple[str, ...] = getattr(params, by)
        for value in given:
            others_given = tuple(each for each in given if each != value)
            said = value.replace(":", ": ", 1) if by == "metadata" else f"{by}: {value}"
            yield Chip(said, asking.at(**{by: others_given}), on=True)
    for by in ("after", "before"):
        if getattr(params, by):
            yield Chip(f"{by} {getattr(params, by)}", asking.at(**{by: None}), on=True)


def _bases(asking: Asking, found: Iterable[DocumentFacts]) -> Iterable[Chip]:
    counts = Counter(each.knowledge_base_id for each in found)
    for base_id, count in counts.most_common(MOST_CHIPS):
        if base_id in asking.bases:
            yield Chip(asking.bases[base_id], asking.of(base_id).at(top_k=FEW), count=count)


def _documents(asking: Asking, found: Iterable[DocumentFacts]) -> ChipGroup:
    counts = Counter((each.document_id, each.name) for each in found)
    chips = tuple(
        Chip(name, asking.at(document=(document_id,), top_k=FEW), count=count)
        for (document_id, name), count in counts.most_common(MOST_CHIPS)
    )
    return ChipGroup("Document", chips if len(counts) > 1 else ())


def _kinds(asking: Asking, found: Iterable[DocumentFacts]) -> ChipGroup:
    counts = Counter(kind(each.media_type) for each in found)
    chips = tuple(
        Chip(label, asking.at(type=(kind_name(label),), top_k=FEW), count=count)
        for label, count in counts.most_common(MOST_CHIPS)
    )
    return ChipGroup("Type", chips if len(counts) > 1 else ())


def _labels(asking: Asking, found: Iterable[DocumentFacts]) -> Iterable[ChipGroup]:
    """A group of the tags, and one of each name in the metadata; the commonest names first."""
    counts: dict[str, Counter[str]] = {}
    for each in found:
        for name, value in each.labels.pairs():
            counts.setdefault(name, Counter())[value] += 1
    params = asking.params
    for name, values in sorted(counts.items(), key=lambda one: -one[1].total())[:MOST_GROUPS]:
        chips = []
        for value, count in values.most_common(MOST_CHIPS):
            if name == TAG and value not in params.tag:
                where = asking.at(tag=(*params.tag, value), top_k=FEW)
            elif name != TAG and f"{name}:{value}" not in params.metadata:
                where = asking.at(metadata=(*params.metadata, f"{name}:{value}"), top_k=FEW)
            else:
                continue
            chips.append(Chip(value, where, count=count))
        yield ChipGroup(name.capitalize() or "Tag", tuple(chips))
