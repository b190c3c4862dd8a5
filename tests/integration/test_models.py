"""Embedding models beside that of the settings: added, tested, compared, and served by name."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import numpy as np
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from typer.testing import CliRunner, Result

from app.cli.program import program
from app.config import Settings
from app.embedding.added_models import AddedModels, NewModel
from app.embedding.embedder import Embedder
from app.embedding.vault import FILE, Vault
from app.errors import InvalidRequest, InvalidSetting, ModelExists, ModelNotFound
from app.indexes.recipes import Choice
from app.services import Services
from tests.fake_provider import FakeProvider, serving
from tests.integration.parts import MortalWorker, Uploader, opened
from tests.integration.v1 import MODEL
from tests.server import application, client, served

ADA = "text-embedding-ada-002"
SMALL = "text-embedding-3-small"
KEY = "sk-of-the-provider"
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def sealed(
    settings: Settings, local_embedder: Embedder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Services]:
    """Services that keep the key of their vault in a folder of the test's own."""
    own = settings.model_copy(update={"data_dir": tmp_path_factory.mktemp("data")})
    with opened(own, local_embedder) as services:
        yield services


@pytest.fixture(scope="module")
def pages(settings: Settings, sealed: Services) -> Iterator[httpx.Client]:
    with served(application(settings, sealed)) as address, client(address) as http:
        yield http


@pytest.fixture
def provider(sealed: Services) -> Iterator[FakeProvider]:
    with serving(FakeProvider("openai", key=KEY)) as provider:
        yield provider
    with sealed.database.engine.begin() as connection:
        connection.execute(text("DELETE FROM added_models"))


def form(provider: FakeProvider, do: str, model: str = SMALL, key: str = KEY) -> dict[str, str]:
    return {"do": do, "base": provider.api_base, "model": model, "key": key, "price": ""}


def test_a_model_is_tested_before_anything_depends_on_it(
    pages: httpx.Client, provider: FakeProvider
) -> None:
    tested = pages.post("/providers", data={**form(provider, "test"), "price": "0.02"})
    assert tested.status_code == 200
    for told in ("It can be used", "1,536", "a second", "$0.02"):
        assert told in tested.text
    assert KEY not in tested.text
    assert pages.get("/providers.json").json()["models"][1:] == []


def test_a_model_that_cannot_be_used_is_not_added_and_says_why(
    pages: httpx.Client, provider: FakeProvider
) -> None:
    refused = pages.post("/providers", data=form(provider, "add", key="sk-wrong"))
    assert "It cannot be used" in refused.text
    assert "Incorrect API key provided" in refused.text
    assert "sk-wrong" not in refused.text
    unknown = pages.post("/providers", data=form(provider, "add", model="no-such-model"))
    assert "not found" in unknown.text
    assert pages.get("/providers.json").json()["models"][1:] == []


def test_an_added_model_is_listed_and_served_by_its_own_name(
    pages: httpx.Client, provider: FakeProvider
) -> None:
    for model in (SMALL, ADA):
        added = pages.post("/providers", data=form(provider, "add", model=model))
        assert (added.status_code, added.headers["location"]) == (303, "/providers")
    assert SMALL in pages.get("/providers", headers=HTML).text
    listed = [each["id"] for each in pages.get("/v1/models").json()["data"]]
    assert listed[:3] == [MODEL, SMALL, ADA]
    assert pages.get(f"/v1/models/{ADA}").json()["id"] == ADA
    for model, width in ((MODEL, 384), (SMALL, 1536), (ADA, 1536)):
        reply = pages.post("/v1/embeddings", json={"model": model, "input": ["tide", "seal"]})
        assert reply.status_code == 200, reply.text
        said = reply.json()
        assert said["model"] == model
        assert [len(each["embedding"]) for each in said["data"]] == [width, width]
    assert {request["model"] for request in provider.requests} == {SMALL, ADA}
    ranked = {"model": SMALL, "query": "tide", "documents": ["a seal", "the tide"]}
    assert pages.post("/v1/rerank", json=ranked).json()["results"][0]["index"] == 1


def test_a_width_is_cut_where_the_added_model_was_made_for_it(
    pages: httpx.Client, provider: FakeProvider
) -> None:
    pages.post("/providers", data=form(provider, "add"))
    pages.post("/providers", data=form(provider, "add", model=ADA))
    asked = {"input": "tide", "dimensions": 256}
    cut = pages.post("/v1/embeddings", json={"model": SMALL, **asked}).json()
    vector = np.array(cut["data"][0]["embedding"])
    assert vector.shape == (256,)
    assert np.linalg.norm(vector) == pytest.approx(1)
    refused = pages.post("/v1/embeddings", json={"model": ADA, **asked})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "dimensions")


def test_a_removed_model_is_not_there_any_more(pages: httpx.Client, provider: FakeProvider) -> None:
    pages.post("/providers", data=form(provider, "add"))
    assert pages.post("/providers/remove", data={"model": SMALL}).status_code == 303
    reply = pages.post("/v1/embeddings", json={"model": SMALL, "input": "tide"})
    assert reply.json()["error"]["code"] == "model_not_found"
    assert pages.post("/providers/remove", data={"model": SMALL}).status_code == 404


def test_an_added_model_can_be_built_into_an_index(
    sealed: Services, provider: FakeProvider
) -> None:
    sealed.added.models.add(NewModel(SMALL, provider.api_base, SecretStr(KEY), 0.02))
    base = sealed.knowledge_bases.create(f"models-{uuid4().hex[:8]}")
    Uploader(sealed, base).upload("tides.md", "The tide turns at noon.")
    MortalWorker(sealed, base).drain()
    choice = Choice(model=f"openai/{SMALL}")
    assert sealed.changeover.plan(base, choice).price == 0.02
    index_id = sealed.changeover.build(base, choice)
    MortalWorker(sealed, base).drain()
    index = sealed.indexes.get(base.id, index_id)
    assert (index.state, index.recipe.dimensions) == ("ready", 1536)
    (spent,) = [each for each in sealed.ledger.by_day(1) if each.knowledge_base_id == base.id]
    assert spent.model == f"openai/{SMALL}"


def test_a_model_that_an_index_needs_is_not_removed(
    pages: httpx.Client, sealed: Services, provider: FakeProvider
) -> None:
    sealed.added.models.add(NewModel(ADA, provider.api_base, SecretStr(KEY)))
    base = sealed.knowledge_bases.create(f"models-{uuid4().hex[:8]}")
    Uploader(sealed, base).upload("tides.md", "The tide turns at noon.")
    MortalWorker(sealed, base).drain()
    index_id = sealed.changeover.build(base, Choice(model=f"openai/{ADA}"))
    refused = pages.post("/providers/remove", data={"model": ADA}, headers=HTML)
    assert refused.status_code == 409
    assert base.name in refused.text
    assert ADA in [each.name for each in sealed.added.models.list()]
    sealed.switch.drop(base.id, index_id)
    assert pages.post("/providers/remove", data={"model": ADA}).status_code == 303


def test_an_address_that_names_no_models_compares_the_first_and_the_last(
    pages: httpx.Client, sealed: Services
) -> None:
    base = sealed.knowledge_bases.create(f"models-{uuid4().hex[:8]}")
    asked = {"q": "tide", "knowledge-base": base.name}
    page = pages.get("/providers/compare", params=asked, headers=HTML)
    assert page.status_code == 200
    assert "There is no model named" not in page.text


@pytest.mark.parametrize("price", ["nan", "inf", "-1", "two cents"])
def test_a_price_that_cannot_be_is_refused(
    pages: httpx.Client, provider: FakeProvider, price: str
) -> None:
    refused = pages.post("/providers", data={**form(provider, "add", ADA), "price": price})
    assert refused.status_code == 422
    assert provider.requests == []


def test_models_are_tried_added_and_removed_on_the_command_line(
    settings: Settings, sealed: Services, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.tidb_database_url is not None
    monkeypatch.setenv("TIDB_DATABASE_URL", settings.tidb_database_url.get_secret_value())
    monkeypatch.setenv("TIDEMARK_DATA_DIR", str(sealed.settings.data_dir))

    def run(*arguments: str, given: str = "") -> Result:
        return CliRunner().invoke(program, ("model", *arguments), input=given)

    there = ("--base", provider.api_base, "--key")
    wrong = run("add", ADA, *there, given="sk-wrong\n")
    assert (wrong.exit_code, "sk-wrong" in wrong.output) == (1, False)
    assert run("add", ADA, *there).exit_code == 2  # no key was piped
    assert run("add", ADA).exit_code == 2
    assert run("add", ADA, "--provider", "nobody").exit_code == 2
    tried = run("test", ADA, *there, "--json", given=f"{KEY}\n")
    assert json.loads(tried.stdout)["width"] == 1536
    assert sealed.added.models.list() == ()
    assert run("add", ADA, *there, "--price", "0.02", given=f"{KEY}\n").exit_code == 0
    (kept,) = sealed.added.models.list()
    assert (kept.name, kept.has_key, kept.price) == (ADA, True, 0.02)
    assert run("add", ADA, *there, given=f"{KEY}\n").exit_code != 0
    listed = run("list", "--json")
    assert [each["name"] for each in json.loads(listed.stdout)["models"]] == [ADA]
    assert KEY not in listed.output
    assert run("test", ADA).exit_code == 0
    assert run("remove", ADA).exit_code == 0
    assert run("test", ADA).exit_code != 0
    assert sealed.added.models.list() == ()


def test_two_models_are_compared_on_one_question(
    pages: httpx.Client, sealed: Services, provider: FakeProvider
) -> None:
    pages.post("/providers", data=form(provider, "add"))
    base = sealed.knowledge_bases.create(f"models-{uuid4().hex[:8]}")
    uploader = Uploader(sealed, base)
    for name in ("tide", "seal", "lamp"):
        uploader.upload(f"{name}.md", f"The {name} is what this is about.")
    MortalWorker(sealed, base).drain()
    asked = {"q": "the tide", "one": MODEL, "other": SMALL, "knowledge-base": base.name}
    page = pages.get("/providers/compare", params=asked, headers=HTML)
    assert page.status_code == 200
    assert "Their orders agree by" in page.text
    assert page.text.count(".md</strong>") == 3
    unknown = pages.get("/providers/compare", params={**asked, "other": "none"}, headers=HTML)
    assert "There is no model named" in unknown.text


@pytest.mark.parametrize(
    "asked",
    [
        NewModel("", "https://providers.example.com/v1"),
        NewModel("m", "ftp://providers.example.com"),
        NewModel("m", "https://api.langdock.com/openai/<eu or us>/v1"),
        NewModel("m", "https://providers.example.com/v1", price=-1.0),
        NewModel("m" * 201, "https://providers.example.com/v1"),
    ],
    ids=str,
)
def test_what_could_not_be_used_is_refused_before_anything_is_asked(
    sealed: Services, asked: NewModel
) -> None:
    with pytest.raises(InvalidRequest):
        sealed.added.models.add(asked)


def test_there_is_one_model_of_a_name(sealed: Services, provider: FakeProvider) -> None:
    models = sealed.added.models
    models.add(NewModel(SMALL, provider.api_base))
    with pytest.raises(ModelExists):
        models.add(NewModel(SMALL, "https://another.example/v1"))
    with pytest.raises(ModelNotFound):
        models.remove("another")


def test_a_key_is_stored_encrypted_and_opens_with_the_same_secret_alone(
    sealed: Services, provider: FakeProvider, tmp_path: Path
) -> None:
    sealed.added.models.add(NewModel(SMALL, provider.api_base, SecretStr(KEY)))
    with sealed.database.engine.connect() as connection:
        stored = str(list(connection.execute(text("SELECT * FROM added_models"))))
    assert KEY not in stored
    settings = sealed.settings
    name = f"openai/{SMALL}"
    found = sealed.added.models.settings_of(name, settings).embedding_api_key
    assert found is not None
    assert found.get_secret_value() == KEY
    file = settings.data_dir / FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    other = AddedModels(sealed.database, Vault(None, tmp_path))
    with pytest.raises(InvalidSetting, match="another secret key"):
        other.settings_of(name, settings)
    given = replace(other, vault=Vault(SecretStr("a long random word"), tmp_path))
    assert given.vault.open(given.vault.seal(SecretStr(KEY))).get_secret_value() == KEY
