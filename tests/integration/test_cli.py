"""The command line on a real TiDB and the local model."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import URL
from typer.testing import CliRunner, Result

from app.cli.exits import ExitCode
from app.cli.program import program
from app.services import Services
from tests.fake_chat import FakeChat, chatting
from tests.fake_site import website
from tests.waiting import PATIENCE


@pytest.fixture(autouse=True)
def folder(database_url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, and the module's database as the configured TiDB."""
    monkeypatch.setenv("TIDB_DATABASE_URL", database_url.render_as_string(hide_password=False))
    monkeypatch.setenv("TIDEMARK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program, arguments)


def outcomes(result: Result) -> dict[str, str]:
    return {each["name"]: each["outcome"] for each in json.loads(result.stdout)["documents"]}


def test_a_file_is_ingested_once_and_again_when_it_changed(folder: Path) -> None:
    guide = folder / "guide 🌊.md"
    guide.write_text("The tide turns at noon.")
    assert outcomes(run("ingest", str(guide), "-k", "once", "--json")) == {guide.name: "ingested"}
    assert outcomes(run("ingest", str(guide), "-k", "once", "--json")) == {guide.name: "unchanged"}
    guide.write_text("The tide turns at dusk.")
    assert outcomes(run("ingest", str(guide), "-k", "once", "--json")) == {guide.name: "ingested"}
    found = json.loads(run("search", "when does the tide turn", "-k", "once", "--json").stdout)
    assert [each["text"] for each in found["results"]] == ["The tide turns at dusk."]


def test_a_file_that_cannot_be_read_fails_alone(folder: Path) -> None:
    files = folder / "files"
    (files / "deep").mkdir(parents=True)
    (files / "deep" / "fine.md").write_text("Seals sleep on the sandbank.")
    (files / "empty.md").touch()
    (files / "lies.txt").write_bytes(bytes(range(256)) * 40)
    (files / "gone.md").symlink_to("nowhere")
    result = run("ingest", str(files), "missing.md", "-k", "alone")
    assert result.exit_code == ExitCode.FAILED
    lines = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert {line.split()[1]: line.split()[0] for line in lines} == {
        "deep/fine.md": "ingested",
        "empty.md": "failed",
        "lies.txt": "failed",
        "gone.md": "failed",
        "missing.md": "failed",
    }
    assert "There is no file 'missing.md'." in result.stdout
    assert "\x1b" not in result.stdout


def test_a_knowledge_base_is_made_equal_to_a_folder(folder: Path) -> None:
    files = folder / "files"
    (files / "deep").mkdir(parents=True)
    for name in ("same.md", "changed.md", "deep/gone.md"):
        (files / name).write_text(f"What {name} says.")
    sync = ("ingest", str(files), "--sync", "-k", "synced", "--json")
    assert set(outcomes(run(*sync)).values()) == {"ingested"}
    (files / "changed.md").write_text("Something else.")
    (files / "deep" / "gone.md").rename(files / "deep" / "moved.md")
    (files / "same.md").touch()
    would = json.loads(run(*sync, "--dry-run").stdout)
    assert would["would"] == {
        "add": ["deep/moved.md"],
        "change": ["changed.md"],
        "delete": ["deep/gone.md"],
        "fail": [],
    }
    assert would["unchanged"] == 1
    assert outcomes(run(*sync)) == {
        "changed.md": "ingested",
        "deep/gone.md": "deleted",
        "deep/moved.md": "ingested",
    }
    again = json.loads(run(*sync).stdout)
    assert (again["documents"], again["unchanged"]) == ([], 3)


def test_pages_and_the_pages_of_a_sitemap_are_ingested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_FETCH_PRIVATE_HOSTS", "127.0.0.1")
    with website() as site:
        home = f"127.0.0.1:{site.port}"
        urls = "".join(f"<url><loc>http://{home}/{page}</loc></url>" for page in "abc")
        site.pages = {
            "/robots.txt": b"User-agent: *\nCrawl-delay: 0\nDisallow: /c\n",
            "/sitemap.xml": f"<urlset>{urls}</urlset>".encode(),
            "/a": b"<p>Seals sleep on the sandbank.",
            "/b": b"<p>The lighthouse is white.",
        }
        command = ("ingest", "--sitemap", f"http://{home}/sitemap.xml", "-k", "site", "--json")
        first = run(*command)
        assert outcomes(first) == {
            f"{home}/a": "ingested",
            f"{home}/b": "ingested",
            f"http://{home}/c": "failed",
        }
        assert first.exit_code == ExitCode.FAILED
        one = run("ingest", f"http://{home}/a", "-k", "site", "--json")
        assert outcomes(one) == {f"{home}/a": "unchanged"}
    for wrong in (("ingest",), ("ingest", "http://127.0.0.1/", "--sync")):
        assert run(*wrong).exit_code == ExitCode.USAGE


def test_a_document_has_a_history_another_name_and_a_way_back(folder: Path) -> None:
    guide = folder / "guide.md"
    for hour in ("noon", "dusk"):
        guide.write_text(f"The tide turns at {hour}.")
        assert run("ingest", str(guide), "-k", "life").exit_code == ExitCode.DONE
    told = json.loads(run("document", "history", "guide.md", "-k", "life", "--json").stdout)
    assert [(r["number"], r["current"]) for r in told["revisions"]] == [(2, True), (1, False)]
    shown = run("document", "difference", "guide.md", "-k", "life").stdout
    assert "- The tide turns at noon." in shown
    assert "+ The tide turns at dusk." in shown
    assert run("document", "difference", "guide.md", "--from", "7", "-k", "life").exit_code == 1
    assert run("document", "rename", "guide.md", "tides.md", "-k", "life").exit_code == 0
    assert run("document", "delete", "tides.md", "-k", "life").exit_code == 0
    assert "tides.md" in run("document", "deleted", "-k", "life").stdout
    assert run("document", "history", "tides.md", "-k", "life").exit_code == 1
    assert run("document", "restore", "tides.md", "--as", "guide.md", "-k", "life").exit_code == 0
    found = json.loads(run("search", "when does the tide turn", "-k", "life", "--json").stdout)
    assert [each["document_name"] for each in found["results"]] == ["guide.md"]
    assert run("document", "restore", "tides.md", "-k", "life").exit_code == 1


def test_a_folder_that_is_watched_is_in_step_after_each_change(folder: Path) -> None:
    files = folder / "files"
    files.mkdir()
    (files / "first.md").write_text("Seals sleep on the sandbank.")
    command = ("ingest", str(files), "--sync", "--watch", "-k", "watched")
    with running(*command) as (process, said):
        assert said
        (files / "second.md").write_text("The lighthouse is white.")
        (files / "first.md").unlink()
        assert process.stderr is not None
        told = next(line for line in process.stderr if "Watching" in line)
        assert told.startswith("1 ingested, 1 deleted.")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == ExitCode.INTERRUPTED


def test_a_folder_that_is_empty_or_cannot_be_read_deletes_nothing(folder: Path) -> None:
    files = folder / "files"
    files.mkdir()
    (files / "kept.md").write_text("Seals sleep on the sandbank.")
    run("ingest", str(files), "--sync", "-k", "kept")
    (files / "kept.md").unlink()
    result = run("ingest", str(files), "--sync", "-k", "kept")
    assert result.exit_code == ExitCode.USAGE
    assert "would delete all of them" in result.stderr
    (files / "kept.md").symlink_to("nowhere")
    (files / "other.md").write_text("The lighthouse is white.")
    assert outcomes(run("ingest", str(files), "--sync", "-k", "kept", "--json"))["other.md"]
    found = json.loads(run("search", "seals", "-k", "kept", "--json").stdout)
    assert "kept.md" in {each["document_name"] for each in found["results"]}


def test_the_queue_is_listed_and_what_failed_is_tried_again(folder: Path) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing that follows is a PDF")
    run("ingest", "broken.pdf", "-k", "queue")
    listed = json.loads(run("jobs", "list", "--failed", "-k", "queue", "--json").stdout)
    (job,) = listed["jobs"]
    assert (job["document_name"], job["state"]) == ("broken.pdf", "failed")
    assert job["remedy"]
    assert "1 job waits" in run("jobs", "retry", "--all", "-k", "queue").stderr
    for action, state in (("pause", "paused"), ("resume", "ready"), ("cancel", "cancelled")):
        assert run("jobs", action, str(job["id"])).exit_code == ExitCode.DONE
        listed = json.loads(run("jobs", "list", "-k", "queue", "--json").stdout)
        assert listed["jobs"][0]["state"] == state
    assert run("jobs", "pause", str(job["id"])).exit_code == ExitCode.FAILED
    assert run("jobs", "pause").exit_code == ExitCode.USAGE


def test_a_search_may_go_through_several_knowledge_bases(folder: Path) -> None:
    (folder / "white.md").write_text("The lighthouse is white.")
    (folder / "red.md").write_text("The lightship is red.")
    run("ingest", "white.md", "-k", "houses")
    run("ingest", "red.md", "-k", "ships")
    search = ("search", "colour of the light", "-k", "houses", "-k", "ships")
    found = json.loads(run(*search, "--json").stdout)
    assert found["knowledge_bases"] == ["houses", "ships"]
    of = {each["document_name"]: each["knowledge_base"] for each in found["results"]}
    assert of == {"white.md": "houses", "red.md": "ships"}
    only = json.loads(run(*search, "--document", "red.md", "--json").stdout)["results"]
    assert [each["document_name"] for each in only] == ["red.md"]
    told = run("search", "colour of the light", "--everywhere").stdout
    assert "houses · white.md" in told
    assert "ships · red.md" in told
    unknown = run(*search, "--document", "green.md")
    assert unknown.exit_code == ExitCode.FAILED
    assert "green.md" in unknown.stderr


def test_a_search_may_be_kept_to_one_document(folder: Path) -> None:
    (folder / "one.md").write_text("The lighthouse is white.")
    (folder / "two.md").write_text("The lighthouse is red.")
    run("ingest", "one.md", "two.md", "-k", "lights")
    search = ("search", "colour of the lighthouse", "-k", "lights")
    found = json.loads(run(*search, "--document", "two.md", "--json").stdout)["results"]
    assert {each["document_name"] for each in found} == {"two.md"}
    assert len(json.loads(run(*search, "--top-k", "1", "--json").stdout)["results"]) == 1
    unknown = run(*search, "--document", "three.md")
    assert unknown.exit_code == ExitCode.FAILED
    assert "There is no document named 'three.md'." in unknown.stderr


def test_a_knowledge_base_that_is_not_there_is_told_with_those_that_are(folder: Path) -> None:
    (folder / "one.md").write_text("The lighthouse is white.")
    run("ingest", "one.md", "-k", "there")
    result = run("search", "lighthouse", "-k", "theer")
    assert result.exit_code == ExitCode.FAILED
    assert "There is no knowledge base named 'theer'." in result.stderr
    assert "there" in result.stderr.splitlines()[-1]


def test_an_answer_cites_the_words_it_rests_on(folder: Path) -> None:
    (folder / "tides.md").write_text("# Tides\n\nThe tide turns at noon.\n")
    run("ingest", "tides.md", "-k", "answers")
    result = run("ask", "When does the tide turn?", "-k", "answers")
    assert result.exit_code == ExitCode.DONE
    assert "The tide turns at noon. [1]" in result.stdout
    assert "[1] tides.md · Tides\n    “The tide turns at noon.”" in result.stdout
    assert "extracts" in result.stderr
    assert "\x1b" not in result.stdout
    asked = run("ask", "When does the tide turn?", "-k", "answers", "--json")
    assert json.loads(asked.stdout)["kind"] == "extracts"


def test_several_knowledge_bases_are_asked_at_once(folder: Path) -> None:
    (folder / "tides.md").write_text("# Tides\n\nThe tide turns at noon.\n")
    (folder / "ships.md").write_text("# Ships\n\nThe ships that wait for the tide sail at dusk.\n")
    run("ingest", "tides.md", "-k", "asked-one")
    run("ingest", "ships.md", "-k", "asked-two")
    asked = ("ask", "When does the tide turn, and when do ships sail?", "-k", "asked-one")
    told = run(*asked, "-k", "asked-two").stdout
    assert "asked-one · tides.md · Tides\n    “The tide turns at noon.”" in told
    assert "asked-two · ships.md · Ships" in told
    assert "asked-two" not in run(*asked).stdout
    everywhere = json.loads(run(*asked, "--everywhere", "--json").stdout)
    assert {"asked-one", "asked-two"} <= set(everywhere["knowledge_bases"])


def test_answers_to_its_own_questions_are_measured_beside_the_run_before(
    folder: Path, services: Services
) -> None:
    (folder / "tides.md").write_text("# Tides\n\nThe tide turns at noon.\n")
    run("ingest", "tides.md", "-k", "measured")
    none = run("evaluate", "--answers", "quick", "-k", "measured")
    assert none.exit_code == ExitCode.USAGE
    assert "questions" in none.stderr
    wrong = run("evaluate", "--answers", "slow", "-k", "measured")
    assert "'slow' is no way to answer" in wrong.stderr
    base = services.knowledge_bases.get("measured")
    document = services.documents.by_name(base.id, "tides.md")
    services.questions.save(base.id, "When does the tide turn?", document.id, "turns at noon.")
    told = run("evaluate", "--answers", "quick", "-k", "measured", "--json")
    (measured,) = json.loads(told.stdout)["runs"]
    assert (measured["way"], measured["questions"], measured["recall"]) == ("quick", 1, 1.0)
    assert measured["settings"]["chat"] == "none: extracts"
    again = run("evaluate", "--answers", "quick", "-k", "measured")
    assert again.exit_code == ExitCode.DONE
    assert "1 question of its own" in again.stderr
    assert "before" not in told.stdout
    assert "before" in again.stdout


def test_doctor_finds_everything_well() -> None:
    run("search", "anything")  # brings the tables up to date
    result = run("doctor", "--json")
    found = {each["name"]: each for each in json.loads(result.stdout)["checks"]}
    assert [name for name, check in found.items() if not check["ok"]] == []
    assert "384 wide" in found["embedding model"]["finding"]
    assert "waiting" in found["queue"]["finding"]
    assert result.exit_code == ExitCode.DONE


def test_doctor_tries_the_chat_model_that_was_chosen_on_its_page(services: Services) -> None:
    with chatting(FakeChat(models=("tide-mini",))) as chat:
        services.chosen_model.choose("openai/tide-mini", chat.api_base, None)
        try:
            checks = json.loads(run("doctor", "--json").stdout)["checks"]
        finally:
            services.chosen_model.forget()
    (tried,) = [each for each in checks if each["name"] == "chat model"]
    assert tried["ok"]
    assert "openai/tide-mini answered" in tried["finding"]


@contextmanager
def running(
    *arguments: str, says: tuple[str, ...] = ("http://", "Ctrl-C")
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`tidemark` as a process, and the first line that has what it `says`, as when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from app.cli import main; main()", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stderr is not None
    try:
        ready = next(line for line in process.stderr if any(each in line for each in says))
        yield process, ready
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.parametrize(
    ("ending", "code"),
    [(signal.SIGTERM, ExitCode.DONE), (signal.SIGINT, ExitCode.INTERRUPTED)],
)
def test_serve_says_where_it_serves_and_stops_in_order(
    ending: signal.Signals, code: ExitCode
) -> None:
    with running("serve", "--port", "0") as (process, ready):
        address = ready.split()[-1]
        live = httpx.get(f"{address}/health/live", timeout=PATIENCE)
        assert live.status_code == 200
        process.send_signal(ending)
        _, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == code
        assert "Stopped." in said
        assert "Traceback" not in said


def test_a_start_with_other_settings_goes_on_with_the_index_there_is_and_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "first.md").write_text("The tide turns at noon.")
    run("ingest", "first.md", "-k", "0-first")
    monkeypatch.setenv("TIDEMARK_CHUNK_TOKENS", "64")
    with running("serve", "--port", "0", says=("another recipe", "http://")) as (_, said):
        assert "than the active index of 0-first" in said
    monkeypatch.delenv("TIDEMARK_CHUNK_TOKENS")
    with running("serve", "--port", "0", says=("another recipe", "http://")) as (_, said):
        assert "http://" in said


def test_a_second_ctrl_c_waits_for_the_end_of_the_first() -> None:
    with running("serve", "--port", "0", "--worker") as (process, _):
        process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < deadline:
            process.send_signal(signal.SIGINT)
            time.sleep(0.01)
        _, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == ExitCode.INTERRUPTED
        assert "Stopped." in said
        assert "Traceback" not in said


def test_a_worker_ingests_what_others_uploaded_until_it_is_told_to_stop(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "late.md").write_text("The ferry leaves at nine.")
    monkeypatch.setenv("TIDEMARK_WORKER_METRICS", "0")
    with running("worker") as (process, first):
        (address,) = re.findall(r"http://127\.0\.0\.1:\d+/metrics", first)
        assert outcomes(run("ingest", "late.md", "-k", "ferry", "--json")) == {
            "late.md": "ingested"
        }
        figures = httpx.get(address, trust_env=False).text
        assert 'tidemark_jobs{state="succeeded"}' in figures
        assert "tidemark_tidb_up 1.0" in figures
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == ExitCode.DONE
        assert "Traceback" not in said


def test_an_index_is_built_compared_promoted_taken_back_and_dropped(folder: Path) -> None:
    guide = folder / "guide.md"
    guide.write_text(
        "# For pilots\n\nThe pilot boards every large ship at the fairway buoy before the bar.\n\n"
        "# Of the lock\n\nThe keeper shuts the old gates one hour before every high water.\n"
    )
    assert run("ingest", str(guide), "-k", "berths").exit_code == ExitCode.DONE
    smaller = ("build", "--chunk-tokens", "64")

    def index(*arguments: str) -> Result:
        return run("index", *arguments, "-k", "berths")

    def states() -> dict[str, str]:
        told = json.loads(index("list", "--json").stdout)["indexes"]
        return {str(each["id"]): each["state"] for each in told}

    assert "1 revisions, about 2 chunks" in " ".join(index(*smaller, "--plan").output.split())
    ((first, state),) = states().items()
    assert state == "active"
    built = index(*smaller)
    assert built.exit_code == ExitCode.DONE
    (second,) = states().keys() - {first}
    assert states() == {first: "active", second: "ready"}
    assert f"{second}  ready" in built.stdout
    assert "1 of 1 revisions" in built.stdout
    compared = json.loads(index("compare", second, "--json").stdout)
    sides = [str(compared[side]["index_id"]) for side in ("before", "after")]
    assert sides == [first, second]
    figures = index("compare", second).stdout
    assert "nDCG@10" in figures
    assert f"other ({second})" in figures
    assert re.search(rf"active \({first}\) +1 +2 +3\.1 kB +grew with uploads", figures)
    assert re.search(rf"other \({second}\) +1 +\d +\S+ kB +nothing", figures)
    assert index("promote", second).exit_code == ExitCode.DONE
    assert states() == {first: "retired", second: "active"}
    found = json.loads(run("search", "where does the pilot board", "-k", "berths", "--json").stdout)
    assert "fairway buoy" in found["results"][0]["text"]
    assert index("drop", second).exit_code == ExitCode.FAILED  # it answers searches
    assert index("revert").exit_code == ExitCode.DONE
    assert states() == {first: "active", second: "retired"}
    assert index("drop", second).exit_code == ExitCode.DONE
    assert states() == {first: "active"}
    assert index("promote", second).exit_code != ExitCode.DONE


def test_a_build_is_paused_gone_on_with_and_cancelled(folder: Path) -> None:
    guide = folder / "guide.md"
    guide.write_text("The pilot boards at the fairway buoy.")
    assert run("ingest", str(guide), "-k", "paused").exit_code == ExitCode.DONE

    def index(*arguments: str) -> Result:
        return run("index", *arguments, "-k", "paused")

    def newest() -> tuple[str, str]:
        told = json.loads(index("list", "--json").stdout)["indexes"]
        each = max(told, key=lambda one: one["id"])
        return str(each["id"]), each["state"]

    assert "Workers go on" in index("build", "--chunk-tokens", "64", "--no-wait").output
    number, state = newest()
    assert state == "building"
    assert index("pause", number).exit_code == ExitCode.DONE
    assert newest() == (number, "paused")
    assert index("resume", number).exit_code == ExitCode.DONE
    assert newest() == (number, "building")
    assert index("drop", number).exit_code == ExitCode.DONE
    assert newest()[1] == "active"
