"""Models from the Hugging Face hub: a fake hub over real HTTP, and none at all."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.embedding.hub import fetch
from app.errors import ModelUnavailable
from tests.bert_folders import TinyBert

NAME = "owner/tiny"


@dataclass
class FakeHub:
    """Serves the files of one folder as a model at one commit."""

    folder: Path
    commit: str = "a" * 40
    address: str = ""
    requests: list[str] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        self.requests.append(path)
        if path.startswith(f"/api/models/{NAME}/"):
            files = [path for path in self.folder.rglob("*") if path.is_file()]
            names = {str(path.relative_to(self.folder)): path.stat().st_size for path in files}
            tree = [
                {"type": "file", "path": name, "size": size, "oid": "0" * 40}
                for name, size in names.items()
            ]
            about = {
                "id": NAME,
                "sha": self.commit,
                "siblings": [{"rfilename": name} for name in names],
            }
            return 200, json.dumps(tree if "/tree/" in path else about).encode(), {}
        prefix = f"/{NAME}/resolve/{self.commit}/"
        file = self.folder / path.removeprefix(prefix)
        if not path.startswith(prefix) or not file.is_file():
            return 404, b"{}", {"X-Error-Code": "RepoNotFound"}
        content = file.read_bytes()
        tag = hashlib.sha256(content).hexdigest()
        return 200, content, {"ETag": f'"{tag}"', "X-Repo-Commit": self.commit}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    folder = TinyBert().write(tmp_path / "published")
    (folder / "pytorch_model.bin").write_bytes(b"what Tidemark has no use for")
    fake = FakeHub(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, content, headers = fake.answer(self.path.partition("?")[0])
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_model_is_fetched_once_and_stays_at_its_commit(hub: FakeHub, tmp_path: Path) -> None:
    said: list[str] = []
    fetched = fetch(NAME, None, tmp_path / "cache", said.append, endpoint=hub.address)
    assert fetched.commit == "a" * 40
    assert said[0] == "Fetching owner/tiny from the Hugging Face hub …"
    assert (fetched.path / "1_Pooling" / "config.json").is_file()
    assert (fetched.path / "model.safetensors").is_file()
    assert not (fetched.path / "pytorch_model.bin").exists()
    hub.commit = "b" * 40
    hub.requests.clear()
    again = fetch(NAME, None, tmp_path / "cache", said.append, endpoint=hub.address)
    assert again == fetched
    assert fetch(NAME, "a" * 40, tmp_path / "cache", said.append, endpoint=hub.address) == fetched
    assert hub.requests == [], "what was fetched once is never asked for again"


def test_a_model_that_the_hub_does_not_have_is_told(hub: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="no model owner/other"):
        fetch("owner/other", None, tmp_path, lambda _: None, endpoint=hub.address)


def test_a_hub_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="hub cannot be reached") as raised:
        fetch(NAME, None, tmp_path, lambda _: None, endpoint="http://127.0.0.1:9")
    assert "local/<folder>" in raised.value.remedy
