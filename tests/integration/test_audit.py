"""`make check` asks OSV about the locked packages; without a network it says that it could not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from app.config import project_folder
from tests.waiting import PATIENCE

FOUND = "PYSEC-0000-1"
NOWHERE = "http://127.0.0.1:9"


@contextmanager
def osv(vulnerable: str | None) -> Iterator[str]:
    """A fake OSV that knows of one vulnerability at most."""
    advisory = {"id": FOUND, "modified": "2026-01-01T00:00:00Z"}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
            assert len(asked) > 100, "not every package was asked about"
            found = (each["package"]["name"] == vulnerable for each in asked)
            self._reply({"results": [{"vulns": [advisory]} if each else {} for each in found]})

        def do_GET(self) -> None:
            affected = {"package": {"ecosystem": "PyPI", "name": vulnerable}}
            self._reply({**advisory, "summary": "It burns.", "affected": [affected]})

        def _reply(self, said: dict[str, Any]) -> None:
            body = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def audited(service: str, ci: str = "") -> subprocess.CompletedProcess[str]:
    own = project_folder() / ".uv" / "bin" / "uv"
    uv = os.environ.get("UV") or shutil.which("uv") or str(own)
    environment = {
        **{name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
        "UV": uv,
        "CI": ci,
        "UV_HTTP_RETRIES": "0",
    }
    script = str(project_folder() / ".ci" / "audit")
    return subprocess.run(
        [script, "--service-url", service],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_a_known_vulnerability_fails_the_check_and_is_named() -> None:
    with osv("jinja2") as service:
        ran = audited(service)
    assert ran.returncode == 1, ran.stdout
    assert FOUND in ran.stdout


def test_on_ci_a_known_vulnerability_is_named_and_fails_no_change() -> None:
    with osv("jinja2") as service:
        ran = audited(service, ci="true")
    assert ran.returncode == 0, ran.stdout
    assert FOUND in ran.stdout


def test_packages_without_a_known_vulnerability_pass() -> None:
    with osv(None) as service:
        ran = audited(service)
    assert ran.returncode == 0, ran.stdout
    assert "no known vulnerabilities" in ran.stdout


def test_where_osv_cannot_be_asked_that_is_said_and_is_no_failure() -> None:
    ran = audited(NOWHERE)
    assert ran.returncode == 0, ran.stdout
    assert "OSV cannot be asked from here" in ran.stdout
