"""Uploading over HTTP: one outcome for each file, whatever they are called and hold."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.parts import MortalWorker, SearchableBase, check
from tests.waiting import PATIENCE


def post(http: httpx.Client, base: SearchableBase, *files: tuple[str, bytes]) -> httpx.Response:
    parts = [("files", file) for file in files]
    return http.post(f"/api/knowledge-bases/{base.base.name}/documents", files=parts)


def raw_post(http: httpx.Client, base: SearchableBase, disposition: bytes) -> httpx.Response:
    """A multipart body with a file whose header is sent byte by byte as it is given."""
    body = (
        b"--edge\r\nContent-Disposition: form-data; " + disposition + b"\r\n\r\n"
        b"The tide turns at noon.\r\n--edge--\r\n"
    )
    return http.post(
        f"/api/knowledge-bases/{base.base.name}/documents",
        content=body,
        headers={"content-type": "multipart/form-data; boundary=edge"},
    )


def test_several_files_are_taken_at_once_and_found_afterwards(
    http: httpx.Client, knowledge_base: SearchableBase, worker: MortalWorker
) -> None:
    reply = post(http, knowledge_base, ("a.md", b"The tide turns at noon."), ("b.md", b"Ships."))
    assert reply.status_code == 202
    taken = reply.json()["files"]
    assert [(file["name"], file["status"]) for file in taken] == [
        ("a.md", "accepted"),
        ("b.md", "accepted"),
    ]
    worker.drain()
    for file in taken:
        job = http.get(f"/api/jobs/{file['job_id']}").json()
        assert (job["state"], job["document_id"]) == ("succeeded", file["document_id"])
    assert set(knowledge_base.search("tide").names()) == {"a.md", "b.md"}


def test_the_same_bytes_again_are_said_to_be_unchanged(
    http: httpx.Client, knowledge_base: SearchableBase, worker: MortalWorker
) -> None:
    post(http, knowledge_base, ("a.md", b"The tide turns at noon."))
    worker.drain()
    reply = post(http, knowledge_base, ("a.md", b"The tide turns at noon."))
    assert reply.status_code == 202
    assert reply.json()["files"][0]["status"] == "unchanged"
    assert reply.json()["files"][0]["job_id"] is None


def test_a_file_that_is_refused_has_its_own_error_and_the_rest_go_on(
    http: httpx.Client, knowledge_base: SearchableBase
) -> None:
    reply = post(
        http,
        knowledge_base,
        ("empty.md", b""),
        ("large.md", b"x" * 1_000_001),
        ("../out.md", b"Text."),
        ("good.md", b"The tide turns at noon."),
    )
    assert reply.status_code == 202
    files = reply.json()["files"]
    codes = [file["error"] and file["error"]["code"] for file in files]
    assert codes == ["empty_document", "document_too_large", "invalid_name", None]
    listed = http.get(f"/api/knowledge-bases/{knowledge_base.base.name}/documents").json()
    assert [document["name"] for document in listed["documents"]] == ["good.md"]


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("empty.md", b"", 422, "empty_document"),
        ("large.md", b"x" * 1_000_001, 413, "document_too_large"),
        ("../out.md", b"Text.", 422, "invalid_name"),
        ("a/../../out.md", b"Text.", 422, "invalid_name"),
        ("..\\out.md", b"Text.", 422, "invalid_name"),
        ("n" * 501, b"Text.", 422, "invalid_name"),
        ("\u202egpj.md", b"Text.", 422, "invalid_name"),
        ("/", b"Text.", 422, "invalid_name"),
    ],
)
def test_an_upload_of_which_nothing_can_be_taken_has_the_error_of_its_first_file(
    http: httpx.Client,
    knowledge_base: SearchableBase,
    *,
    name: str,
    content: bytes,
    status: int,
    code: str,
) -> None:
    reply = post(http, knowledge_base, (name, content))
    check(reply, status, code)
    assert reply.json()["files"][0]["status"] == "refused"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("👩‍👩‍👧 🏴‍☠️.md", "👩‍👩‍👧 🏴‍☠️.md"),
        ("docs/tides/a.md", "docs/tides/a.md"),
        ("/etc/passwd", "etc/passwd"),
        ("docs\\a.md", "docs/a.md"),
        ("./a//b.md", "a/b.md"),
        ("cafe\u0301.md", "café.md"),
        ("<script>alert(1)</script>.md", "<script>alert(1)<"),
        ("  a.md ", "a.md"),
        ("%2e%2e%2fa.md", "%2e%2e%2fa.md"),
        ('the "old" pier.md', 'the "old" pier.md'),
    ],
)
def test_a_name_is_a_label_that_keeps_its_folders(
    http: httpx.Client, knowledge_base: SearchableBase, sent: str, kept: str
) -> None:
    reply = post(http, knowledge_base, (sent, b"The tide turns at noon."))
    assert reply.status_code == 202, reply.text
    assert reply.json()["files"][0]["name"].startswith(kept)


@pytest.mark.parametrize(
    "disposition",
    [
        b'name="files"; filename="\xed\xa0\x80.md"',
        b'name="files"; filename="a\x00b.md"',
        b'name="files"; filename=""',
        b'name="other"; filename="a.md"',
        b'name="files"',
    ],
)
def test_a_file_without_a_name_that_can_be_read_is_refused(
    http: httpx.Client, knowledge_base: SearchableBase, disposition: bytes
) -> None:
    check(raw_post(http, knowledge_base, disposition), 422)
    assert knowledge_base.rows("documents", f"knowledge_base_id = {knowledge_base.base.id}") == 0


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"not multipart at all", "multipart/form-data; boundary=edge"),
        (b"--edge\r\nContent-Dis", "multipart/form-data; boundary=edge"),
        (b"", "multipart/form-data"),
        (b"--edge--\r\n", "multipart/form-data; boundary=edge"),
        (b"{}", "application/json"),
        (b"text", "text/plain"),
    ],
)
def test_a_body_that_is_no_upload_is_told_of(
    http: httpx.Client, knowledge_base: SearchableBase, body: bytes, kind: str
) -> None:
    reply = http.post(
        f"/api/knowledge-bases/{knowledge_base.base.name}/documents",
        content=body,
        headers={"content-type": kind},
    )
    check(reply, 422, "invalid_request")


@pytest.mark.parametrize(
    ("disposition", "said", "remedy"),
    [
        (b'name="files"; filename="%s.md"' % (b"a" * 5000), "too long", "500 characters"),
        (b'name="files"', "no file in the form's field 'files'", "files=@guide.md"),
        (b'filename="a.md"', "not written as multipart/form-data", "HTTP client"),
    ],
)
def test_what_is_wrong_with_a_form_is_said_without_the_words_of_its_parser(
    http: httpx.Client, knowledge_base: SearchableBase, disposition: bytes, said: str, remedy: str
) -> None:
    reply = raw_post(http, knowledge_base, disposition)
    assert said in check(reply, 422, "invalid_request")
    assert remedy in reply.json()["error"]["remedy"]
    for word in ("class", "UploadFile", "multipart data"):
        assert word not in reply.text


@pytest.mark.parametrize(
    ("kind", "parts", "said"),
    [
        ("multipart/form-data", 1, "Content-Type"),
        ("multipart/form-data; boundary=other", 1, "Content-Type"),
        ("multipart/form-data; boundary=edge", 1001, "too many files"),
    ],
)
def test_a_form_that_is_not_what_it_says_is_told_apart(
    http: httpx.Client, knowledge_base: SearchableBase, kind: str, parts: int, said: str
) -> None:
    part = b'--edge\r\nContent-Disposition: form-data; name="files"; filename="a.md"\r\n\r\na\r\n'
    reply = http.post(
        f"/api/knowledge-bases/{knowledge_base.base.name}/documents",
        content=part * parts + b"--edge--\r\n",
        headers={"content-type": kind},
    )
    assert said in check(reply, 422, "invalid_request")


def test_a_form_field_that_is_too_large_is_told_to_be_sent_as_a_file(
    http: httpx.Client, knowledge_base: SearchableBase
) -> None:
    reply = http.post(
        f"/api/knowledge-bases/{knowledge_base.base.name}/documents",
        data={"metadata": "x" * 1_100_000},
        files={"files": ("a.md", b"Text.")},
    )
    assert "larger than 1 MB" in check(reply, 422, "invalid_request")


def test_an_upload_that_breaks_off_leaves_nothing(
    address: str, http: httpx.Client, knowledge_base: SearchableBase
) -> None:
    path = f"/api/knowledge-bases/{knowledge_base.base.name}/documents"
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port or 80), timeout=PATIENCE) as raw:
        raw.sendall(
            f"POST {path} HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Length: 100000\r\n"
            "Content-Type: multipart/form-data; boundary=edge\r\n\r\n"
            '--edge\r\nContent-Disposition: form-data; name="files"; filename="a.md"\r\n\r\n'
            "The tide".encode()
        )
    assert http.get(path).json()["total"] == 0
