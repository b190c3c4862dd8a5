"""Settings: the only reader of the environment. `.env.example` is checked against this file."""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from dotenv import dotenv_values
from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.errors import InvalidSetting

PREFIX = "TIDEMARK_"
ORIGIN = re.compile(r"https?://[^/\s?#@]+")
TIDB_NAMES = ("TIDB_DATABASE_URL", "TIDB_TEST_URL")


def _absolute(path: Path) -> Path:
    return path.expanduser().resolve()


class Settings(BaseSettings):
    """Every setting, with its default; in the environment, `TIDEMARK_` and the field's name."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",  # unknown names are refused, with a suggestion, in `load_settings`
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,  # a bad secret must not be echoed
    )

    tidb_database_url: SecretStr | None = Field(
        None,
        validation_alias="TIDB_DATABASE_URL",
        description="A TiDB to use, as mysql+pymysql://user:password@host:4000/database. "
        "Without it, Tidemark starts a TiDB of its own.",
    )
    tidb_test_url: SecretStr | None = Field(
        None,
        validation_alias="TIDB_TEST_URL",
        description="A TiDB for the tests, which make and drop databases on it.",
    )

    data_dir: Annotated[Path, AfterValidator(_absolute)] = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("tidemark", appauthor=False)),
        description="Where the embedded TiDB keeps its data, logs and temporary files.",
    )
    cache_dir: Annotated[Path, AfterValidator(_absolute)] = Field(
        default_factory=lambda: Path(platformdirs.user_cache_dir("tidemark", appauthor=False)),
        description="Where what can be made again is kept: the TiDB binary, models in ONNX.",
    )
    host: str = Field("127.0.0.1", description="The address that `tidemark serve` listens on.")
    port: int = Field(
        8000, ge=0, le=65535, description="The port that `tidemark serve` listens on."
    )
    public_url: str | None = Field(
        None,
        description="The address that people open when a proxy stands before Tidemark, as in "
        "https://docs.example.com. They are then asked to sign in.",
    )
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Addresses or networks of the proxies before Tidemark, with commas between, as "
        "in 10.0.0.0/8: what they say of where a request comes from is believed.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="How much is logged."
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        description="How: text for people, or json, one object a line with the request's id, and a "
        "line for each request.",
    )
    traces: str | None = Field(
        None,
        description="Base URL of an OpenTelemetry collector, http://127.0.0.1:4318, to which spans "
        "are sent by OTLP over HTTP; needs `uv sync --inexact --no-dev --extra telemetry`.",
    )
    worker_metrics: str | None = Field(
        None,
        description="Where `tidemark worker` tells its figures to Prometheus: a port of 127.0.0.1, "
        "or address:port for another. Whoever reaches it may read them.",
    )
    drain_seconds: float = Field(
        0,
        ge=0,
        le=600,
        description="How long `tidemark serve` goes on serving after SIGTERM, while /health/ready "
        "sends its proxy elsewhere.",
    )

    embedding_model: str = Field(
        "local/all-MiniLM-L6-v2",
        description="local/all-MiniLM-L6-v2; local/<folder> or "
        "local/<owner/name on the Hugging Face hub>; "
        "or openai/<model name> at TIDEMARK_EMBEDDING_API_BASE.",
    )
    embedding_api_base: str | None = Field(
        None, description="Base URL of an OpenAI-compatible embedding endpoint."
    )
    embedding_api_key: SecretStr | None = Field(
        None, description="Its key; many local servers need none."
    )
    embedding_dimensions: int | None = Field(
        None,
        ge=1,
        le=16000,
        description="Width of the vectors, for models that offer several; "
        "asked of the model when unset.",
    )
    embedding_query_prefix: str | None = Field(
        None, description="Put before each query; by default what the model's recipe says."
    )
    embedding_document_prefix: str | None = Field(
        None, description="Put before each passage; by default what the model's recipe says."
    )
    embedding_precision: Literal["float32", "int8"] = Field(
        "float32",
        description="How the local model computes; int8 is about twice as fast on a processor with "
        "VNNI, and its vectors fit those of float32 (cosine .999).",
    )
    embedding_timeout: float = Field(
        60.0, gt=0, description="Seconds to wait for one reply of the embedding endpoint."
    )
    embedding_requests_per_minute: int | None = Field(
        None,
        ge=1,
        description="The most requests that all processes together make of the embedding endpoint; "
        "by default what is known of its provider.",
    )
    embedding_tokens_per_minute: int | None = Field(None, ge=1, description="The same, for tokens.")
    embedding_price: float | None = Field(
        None,
        ge=0,
        description="US dollars that a million tokens cost at the embedding endpoint; by default "
        "what is known of its provider.",
    )
    embedding_budget: float | None = Field(
        None,
        gt=0,
        description="US dollars a day, in UTC, for embedding, of all processes together. Ingest "
        "and builds stop before it is overspent; searches go on.",
    )
    embedding_cache_vectors: int = Field(
        50_000,
        ge=0,
        description="How many vectors of the embedding endpoint are kept, so that no text is paid "
        "for twice; 0 for none.",
    )
    threads: int | None = Field(
        None,
        ge=1,
        description="Threads of the local model; by default the processors this process may use.",
    )

    chat_model: str | None = Field(
        None,
        description="openai/<model name> (or any name litellm knows) for written answers; "
        "without it, answers are extracts.",
    )
    chat_api_base: str | None = Field(
        None, description="Base URL of an OpenAI-compatible chat endpoint."
    )
    chat_api_key: SecretStr | None = Field(None, description="Its key.")
    chat_timeout: float = Field(
        60.0, gt=0, description="Seconds to wait for the chat model's next token."
    )
    chat_window: int | None = Field(
        None,
        ge=1024,
        description="Tokens that the chat model reads, its answer included; by default what is "
        "known of the model, or else 8192. Ollama reads 4096 unless it was told otherwise.",
    )
    chat_input_price: float | None = Field(
        None,
        ge=0,
        description="US dollars for a million tokens that the chat model reads, where Tidemark "
        "does not know them; with the next, each answer says what it cost.",
    )
    chat_output_price: float | None = Field(
        None, ge=0, description="The same, for a million tokens that it writes."
    )
    chat_fallback_model: str | None = Field(
        None, description="A second chat model, asked where the first has not begun to answer."
    )
    chat_fallback_api_base: str | None = Field(
        None, description="Its endpoint; by default the first one's."
    )
    chat_fallback_api_key: SecretStr | None = Field(
        None, description="Its key; by default the first one's, at the same endpoint."
    )

    chat_judge: bool = Field(
        default=False,
        description="Whether the chat model also judges whether the quotes bear out the sentences "
        "of an answer: one more call an answer, after it is written.",
    )

    rerank_model: str | None = Field(
        None,
        description="What puts the best passages in a better order: endpoint/<model name> "
        "(Cohere, Jina, vLLM and their like) or tei/<model name> (Text Embeddings Inference) "
        "at TIDEMARK_RERANK_API_BASE; local/<folder of a cross-encoder in ONNX>; "
        "or chat, for the chat model as a judge. Without it, nothing is reranked.",
    )
    rerank_api_base: str | None = Field(
        None, description="Base URL of its endpoint; /rerank is added."
    )
    rerank_api_key: SecretStr | None = Field(None, description="Its key.")
    rerank_timeout: float = Field(
        5.0,
        gt=0,
        description="Seconds to wait for the reranker; then the order stays as it was.",
    )
    rerank_passages: int = Field(
        30,
        ge=2,
        le=200,
        description="How many of the best passages are reranked; a chat model judges 10 at most.",
    )
    model_aliases: str | None = Field(
        None,
        description="Other names that models answer to under /v1, for programs whose names for "
        "them are fixed: text-embedding-3-small=all-MiniLM-L6-v2, gpt-4=tidemark/default.",
    )

    requests_per_minute: int | None = Field(
        None, ge=1, description="The most requests with API keys in a minute, of all keys together."
    )
    tokens_per_minute: int | None = Field(
        None, ge=1, description="The most tokens in a minute, of all API keys together."
    )
    openid_issuer: str | None = Field(
        None,
        description="An OpenID provider by which people sign in, as in https://login.example.com; "
        "its address without /.well-known/openid-configuration.",
    )
    openid_client_id: str | None = Field(None, description="What this Tidemark is called there.")
    openid_client_secret: SecretStr | None = Field(
        None, description="The secret that it was given there."
    )
    openid_domains: str | None = Field(
        None,
        description="Whoever has a verified e-mail address in one of these domains, with commas "
        "between, becomes a user on signing in; others are added by an administrator first.",
    )
    allowed_origins: str | None = Field(
        None,
        description="Web pages that may call /v1 with an API key from a browser, as their origins "
        "with commas between: https://app.example.com. By default none may.",
    )

    chunk_tokens: int = Field(
        200,
        ge=16,
        le=8192,
        description="The most tokens of the embedding model that a chunk may have.",
    )
    secret_key: SecretStr | None = Field(
        None,
        description="A long random word, with which the keys of models that are added on the page "
        "Models are encrypted; all processes need the same. By default one is made in "
        "TIDEMARK_DATA_DIR.",
    )
    max_upload_mb: int = Field(
        100, ge=1, description="The largest file that may be uploaded, in MB (10^6 bytes)."
    )
    fetch_private_hosts: str | None = Field(
        None,
        description="Hosts that pages may be fetched from although they are not on the public "
        "internet, with commas between: wiki.example.internal. By default none may.",
    )
    keep_deleted_days: int = Field(
        7,
        ge=0,
        le=3650,
        description="How many days a deleted document can be brought back; 0 for not at all.",
    )
    keep_revisions: int | None = Field(
        None,
        ge=1,
        description="How many revisions of a document are kept: its current one and the newest "
        "before it. What an answer in a conversation cites is kept as well. By default all are.",
    )
    tidb_memory_mb: int = Field(
        600,
        ge=256,
        description="What the embedded TiDB's memory is held to (its GOMEMLIMIT), in MiB.",
    )

    @property
    def asks_who_calls(self) -> bool:
        """Whether others than this machine can reach Tidemark, so that nobody is let in unknown."""
        return self.public_url is not None or not is_loopback(self.host)

    @field_validator("embedding_model")
    @classmethod
    def _known_kind_of_embedding(cls, value: str) -> str:
        if not value.startswith(("local/", "openai/")) or value.endswith("/"):
            raise ValueError("it must be local/<model or folder> or openai/<model name>")
        return value

    @field_validator("model_aliases")
    @classmethod
    def _pairs(cls, value: str | None) -> str | None:
        if value is not None:
            _aliases(value)
        return value

    @property
    def aliases(self) -> dict[str, str]:
        """The model that each of `model_aliases` stands for."""
        return _aliases(self.model_aliases or "")

    @field_validator("public_url")
    @classmethod
    def _origin_in_full(cls, value: str | None) -> str | None:
        if value is not None and not ORIGIN.fullmatch(value.rstrip("/")):
            raise ValueError("it must be scheme and host alone, as in https://docs.example.com")
        return value.rstrip("/") if value else value

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for network in _listed(value):
            try:
                ipaddress.ip_network(network)
            except ValueError:
                raise ValueError(
                    "each must be an address or a network, as in 10.0.0.2 or 10.0.0.0/8"
                ) from None
        return value

    @property
    def proxies(self) -> list[str]:
        """The addresses and networks of `trusted_proxies`."""
        return _listed(self.trusted_proxies)

    @field_validator("allowed_origins")
    @classmethod
    def _origins_in_full(cls, value: str | None) -> str | None:
        for origin in _listed(value or ""):
            if not ORIGIN.fullmatch(origin):
                raise ValueError(
                    "each must be scheme and host alone, as in https://app.example.com"
                )
        return value

    @property
    def origins(self) -> frozenset[str]:
        """The web origins that may call `/v1`."""
        return frozenset(_listed(self.allowed_origins or ""))

    @property
    def private_hosts(self) -> frozenset[str]:
        """The hosts of `fetch_private_hosts`."""
        return frozenset(host.lower() for host in _listed(self.fetch_private_hosts or ""))

    @property
    def openid_domain_names(self) -> frozenset[str]:
        """The domains of `openid_domains`, as they are compared."""
        return frozenset(each.casefold().lstrip("@") for each in _listed(self.openid_domains or ""))

    @field_validator("worker_metrics")
    @classmethod
    def _has_a_port(cls, value: str | None) -> str | None:
        port = value.rpartition(":")[2] if value else "0"
        if not (port.isdecimal() and int(port) < 2**16):
            raise ValueError("it must be a port, or address:port as in 0.0.0.0:9464")
        return value

    @property
    def worker_metrics_address(self) -> tuple[str, int] | None:
        """Host and port of `worker_metrics`."""
        if not self.worker_metrics:
            return None
        host, _, port = self.worker_metrics.rpartition(":")
        return host.strip("[]") or "127.0.0.1", int(port)

    @field_validator("rerank_model")
    @classmethod
    def _known_kind_of_reranker(cls, value: str | None) -> str | None:
        known = (
            value is None or value == "chat" or value.startswith(("endpoint/", "tei/", "local/"))
        )
        if not known or (value and value.endswith("/")):
            raise ValueError("it must be endpoint/<model>, tei/<model>, local/<folder>, or chat")
        return value

    @field_validator(
        "embedding_api_base",
        "chat_api_base",
        "chat_fallback_api_base",
        "rerank_api_base",
        "openid_issuer",
        "traces",
    )
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("it must begin with http:// or https://")
        return value.rstrip("/") if value else value


def _listed(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _aliases(value: str) -> dict[str, str]:
    aliases = {}
    for pair in _listed(value):
        name, _, model = (part.strip() for part in pair.partition("="))
        if not name or not model:
            raise ValueError("it must be <name>=<model>, several of them with commas between")
        aliases[name] = model
    return aliases


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on `host`."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def setting_name(field: str) -> str:
    """The name of a field of `Settings` in the environment."""
    return field.upper() if field.upper() in TIDB_NAMES else PREFIX + field.upper()


def load_settings() -> Settings:
    """Read the environment and `.env`.

    Raises:
        InvalidSetting: an unknown `TIDEMARK_…` name, or a value that cannot be used; the message
            has the name, the value (unless it is a secret) and what would be right.
    """
    given = {**{k: v for k, v in dotenv_values(".env").items() if v is not None}, **os.environ}
    known = {setting_name(field) for field in Settings.model_fields}
    for name in sorted(given):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            # Without the prefix: it alone would make every name look like every other.
            ends = {other.removeprefix(PREFIX): other for other in sorted(known)}
            near = difflib.get_close_matches(name.upper().removeprefix(PREFIX), ends, n=1)
            hint = f"Did you mean {ends[near[0]]}?" if near else InvalidSetting.remedy
            raise InvalidSetting(f"{name} is not a setting of Tidemark.", remedy=hint)
    try:
        return Settings()
    except ValidationError as refused:
        raise InvalidSetting(_first_refusal(refused, given)) from None


def _first_refusal(refused: ValidationError, given: dict[str, str]) -> str:
    first = refused.errors(include_url=False)[0]
    field = str(first["loc"][0])
    name = field if field in TIDB_NAMES else setting_name(field)
    value = next((v for k, v in given.items() if k.upper() == name), "")
    shown = "that value" if _is_secret(field) else repr(value)
    reason = first["msg"].removeprefix("Value error, ")
    return f"{name} cannot be {shown}: {reason[:1].lower()}{reason[1:]}."


def _is_secret(field: str) -> bool:
    info = Settings.model_fields.get(field.lower())
    return info is not None and "SecretStr" in str(info.annotation)


def shown_settings(settings: Settings) -> dict[str, str]:
    """Each setting's name and value as it may be shown: of a secret, only whether it is set."""
    shown = {}
    for field in Settings.model_fields:
        value = getattr(settings, field)
        if _is_secret(field):
            shown[setting_name(field)] = "set (not shown)" if value is not None else "not set"
        else:
            shown[setting_name(field)] = "not set" if value is None else str(value)
    return shown


@cache
def project_folder() -> Path:
    """The folder that holds `app/`, `templates/`, `migrations/` and `docs/`."""
    return Path(__file__).resolve().parent.parent
