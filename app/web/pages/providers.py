"""Embedding models, for administrators: which there are, adding, testing and comparing them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import SecretStr

from app.access.rights import Right
from app.embedding.added_models import AddedModel, NewModel, endpoint_settings
from app.embedding.embedder import Embedder
from app.embedding.prices import price
from app.embedding.providers import ENTRIES, Provider, provider_at
from app.errors import ModelInUse, ModelNotFound, TidemarkError
from app.evaluation.two_models import TwoModels, ranked_by_two
from app.indexes.keeping_models import Tried, dollars_of
from app.retrieval.query import Query as Asked
from app.services import Services
from app.web.access import needs
from app.web.pages.frame import ChosenBase, frame, show
from app.web.pages.spending import dollars
from app.web.v1.catalogue import EmbeddingName
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

COMPARED = 10  # passages
Text = Annotated[str, Form(max_length=1000)]
PRESETS = {entry.provider.name: entry.provider for entry in ENTRIES}


@dataclass(frozen=True)
class ShownModel:
    """A model as a row of the table."""

    name: str
    provider: str
    address: str
    key: str
    price: str
    added: bool


@dataclass(frozen=True)
class Filled:
    """What stands in the form; never a key."""

    model: str = ""
    base: str = ""
    price: str = ""


@router.get("/providers")
@needs(Right.ADMIN)
def models_page(request: Request, services: Wired, preset: str = "") -> HTMLResponse:
    known = PRESETS.get(preset)
    return _show(request, services, Filled(base=known.base if known else ""), known)


@router.get("/providers.json")
@needs(Right.ADMIN)
def models_as_data(services: Wired) -> dict[str, object]:
    """The same as data."""
    return {
        "models": [
            {"name": row.name, "provider": row.provider, "address": row.address, "added": row.added}
            for row in _rows(services)
        ],
        "presets": [
            {"name": each.name, "address": each.base, "models": list(each.models)}
            for each in PRESETS.values()
        ],
    }


@router.post("/providers")
@needs(Right.ADMIN)
def try_model(
    request: Request,
    services: Wired,
    *,
    do: Annotated[Literal["test", "add"], Form()],
    model: Text = "",
    base: Text = "",
    key: Text = "",
    price: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Ask a model for a few vectors; then, if it gave them and that is wanted, keep it."""
    request.state.subject = f"{model[:100]} at {base[:200]}"
    request.state.deed = None
    filled = Filled(model.strip(), base.strip(), price.strip())
    known = next((each for each in PRESETS.values() if each.base == filled.base), None)
    try:
        secret = SecretStr(key.strip()) if key.strip() else None
        asked = NewModel(filled.model, filled.base, secret, dollars_of(price))
        keeping = services.keeping_models
        tested = keeping.add(asked) if do == "add" else keeping.try_new(asked)
        if do == "add" and tested.found.problem is None:
            request.state.deed = "add_model"
            return RedirectResponse("/providers", status_code=303)
    except TidemarkError as error:
        return _show(request, services, filled, known, error=error)
    return _show(request, services, filled, known, tested=tested)


@router.post("/providers/remove")
@needs(Right.ADMIN)
def remove_model(request: Request, services: Wired, model: Text) -> Response:
    """Forget a model and its key, unless an index needs it."""
    request.state.subject = model[:200]
    try:
        services.keeping_models.remove(model)
    except ModelInUse as needed:
        request.state.deed = None
        return _show(request, services, Filled(), None, error=needed)
    return RedirectResponse("/providers", status_code=303)


@router.get("/providers/compare")
@needs(Right.ADMIN)
def compare_models(
    request: Request,
    services: Wired,
    chosen: ChosenBase,
    *,
    q: Annotated[str, Query(max_length=1000)] = "",
    one: str = "",
    other: str = "",
) -> HTMLResponse:
    """The passages that a search finds, in the order that each of two models would give them."""
    names = [row.name for row in _rows(services)]
    one, other = one or names[0], other or names[-1]
    result: TwoModels | None = None
    error: TidemarkError | None = None
    if q.strip():
        try:
            sides = _embedder(one, services), _embedder(other, services)
            found = services.retriever.retrieve(chosen.base, Asked(q), COMPARED)
            if found.passages:
                result = ranked_by_two(q, found.passages, *sides)
        except TidemarkError as refused:
            error = refused
    return show(
        request,
        "providers-compare.html",
        frame("Two models", "/providers", chosen.base.name, "/providers.json"),
        chosen=chosen,
        names=names,
        one=one,
        other=other,
        q=q,
        result=result,
        error=error,
    )


def _embedder(name: str, services: Services) -> Embedder:
    if EmbeddingName.of(services.embedder).means(name):
        return services.embedder
    added = services.added.of(name)
    if added is None:
        raise ModelNotFound(f"There is no model named {name[:100]!r}.")
    return added


def _show(
    request: Request,
    services: Services,
    filled: Filled,
    known: Provider | None,
    *,
    tested: Tried | None = None,
    error: TidemarkError | None = None,
) -> HTMLResponse:
    return show(
        request,
        "providers.html",
        frame("Models", "/providers", None, "/providers.json"),
        status_code=error.status_code if error else 200,
        models=_rows(services),
        presets=PRESETS,
        filled=filled,
        known=known,
        tested=tested,
        tested_price=None if tested is None else _priced(tested.price),
        error=error,
    )


def _rows(services: Services) -> list[ShownModel]:
    settings, own = services.settings, EmbeddingName.of(services.embedder)
    base = settings.embedding_api_base or "https://api.openai.com/v1"
    remote = not services.embedder.model.startswith("local/")
    first = ShownModel(
        own.name,
        provider_at(base).name if remote else "this machine",
        base if remote else "",
        "from the settings" if settings.embedding_api_key else "none",
        _priced(price(services.embedder.model.partition("@")[0], settings)),
        added=False,
    )
    return [first, *(_row(each, services) for each in services.added.models.list())]


def _row(model: AddedModel, services: Services) -> ShownModel:
    settings = endpoint_settings(
        NewModel(model.name, model.api_base, None, model.price), services.settings
    )
    return ShownModel(
        model.name,
        provider_at(model.api_base).name,
        model.api_base,
        "stored encrypted" if model.has_key else "none",
        _priced(price(f"openai/{model.name}", settings)),
        added=True,
    )


def _priced(asked: float | None) -> str:
    return "not known" if asked is None else "free" if asked == 0 else dollars(asked)
