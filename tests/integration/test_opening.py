"""The services as a process opens them."""

from __future__ import annotations

import gc
from pathlib import Path

from sqlalchemy import URL

from app.config import Settings
from app.opening import open_services
from tests.waiting import wait_until

LOADED = 100_000
"""Objects that the modules alone have, and each full collection would look at."""


def test_what_was_loaded_is_not_looked_through_for_garbage_until_it_is_closed(
    database_url: URL, tmp_path: Path
) -> None:
    url = database_url.render_as_string(hide_password=False)
    settings = Settings(tidb_database_url=url, data_dir=tmp_path)
    with open_services(settings, lambda _: None, serving=True):
        wait_until(lambda: gc.get_freeze_count() >= LOADED, "what was loaded was not set aside")
    assert gc.get_freeze_count() == 0, "what was closed would never be let go of"
