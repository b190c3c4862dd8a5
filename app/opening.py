"""How a process comes to its services, and gives back in the end what they took."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from pydantic import SecretStr
from sqlalchemy import URL

from app.answering.chat_model import warm_up_client
from app.composition import Announce, compose, index_store
from app.config import Settings
from app.database.capabilities import Capabilities, probe
from app.database.connection import Database
from app.database.embedded import EmbeddedServer
from app.database.migrations import migrate
from app.database.moving import Move, Moved, Report
from app.embedding.making import make_embedder, warm_up
from app.services import Services


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
        stack.callback(services.close)
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
