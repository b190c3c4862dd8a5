"""The files to deploy with fit the program and each other, as far as that shows without Docker."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from prometheus_client import REGISTRY

import app.figures
from app.cli.program import program
from app.config import Settings, project_folder, setting_name
from app.database.embedded.program import IMAGE

ROOT = project_folder()
DEPLOY = ROOT / "deploy"
SETTINGS = {setting_name(field) for field in Settings.model_fields}
OF_DOCKER = {"PATH", "PYTHONUNBUFFERED", "UV_COMPILE_BYTECODE", "UV_LINK_MODE"} | {
    "UV_PYTHON_DOWNLOADS"
}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    return found


def instructions() -> list[tuple[str, str]]:
    """(instruction, arguments) of the Dockerfile, with continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in lines]


def check_command(arguments: list[str]) -> None:
    """`tidemark` takes these arguments."""
    command: Any = typer.main.get_command(program)
    for argument in arguments:
        if argument.startswith("-"):
            known = {
                name
                for each in command.params
                for option in (*each.opts, *each.secondary_opts)
                for name in option.split("/")
            }
            assert argument in known, argument
        elif hasattr(command, "commands"):
            command = command.commands[argument]


def ports(services: dict[str, Any]) -> list[str]:
    """Those that the web processes of compose.yaml listen on."""
    return [
        service["command"][service["command"].index("--port") + 1]
        for service in services.values()
        if "--port" in service.get("command", [])
    ]


def test_the_image_takes_what_it_needs_and_runs_as_nobody_special() -> None:
    known = {"FROM", "COPY", "RUN", "ENV", "WORKDIR", "USER", "EXPOSE", "STOPSIGNAL"}
    given = instructions()
    assert {name for name, _ in given} - known == {"HEALTHCHECK", "ENTRYPOINT", "CMD"}
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"]
    copied = []
    for arguments in (rest for name, rest in given if name == "COPY" and "--from" not in rest):
        *sources, _ = arguments.split()
        copied += sources
    assert set(copied) == set(let_in)
    assert all((ROOT / source).exists() for source in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(packages) <= set(copied)
    last_stage = given[max(i for i, (name, _) in enumerate(given) if name == "FROM") :]
    (user,) = (rest for name, rest in last_stage if name == "USER")
    assert int(user) > 0
    named = {
        pair.partition("=")[0] for name, rest in given if name == "ENV" for pair in rest.split()
    }
    assert named <= SETTINGS | OF_DOCKER
    owned = [rest for name, rest in last_stage if name == "COPY" and f"--chown={user}" in rest]
    assert [each.split()[-1] for each in owned] == ["/srv/cache"]  # where it puts other models
    pinned = re.search(r"UV_VERSION := (\S+)", (ROOT / "Makefile").read_text())
    assert pinned
    assert f"ghcr.io/astral-sh/uv:{pinned[1]} " in (ROOT / "Dockerfile").read_text()
    said = {name: rest for name, rest in last_stage if name in {"ENTRYPOINT", "CMD"}}
    assert json.loads(said["ENTRYPOINT"]) == ["tidemark"]
    check_command(json.loads(said["CMD"]))


def test_the_parts_of_compose_are_there_and_are_told_of_settings_that_exist(
    services: dict[str, Any],
) -> None:
    whole = yaml.safe_load((ROOT / "compose.yaml").read_text())
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        of = service.get("network_mode", "service:proxy").removeprefix("service:")
        assert of in services
        assert set(service.get("secrets", ())) <= set(whole["secrets"])
        assert set(service.get("environment", ())) <= SETTINGS
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            there = (ROOT / source).exists() if source[0] == "." else source in whole["volumes"]
            assert there, volume
        if service.get("image") == "tidemark" and "entrypoint" not in service:
            check_command(service["command"])
    for code in (service["command"][0] for service in services.values() if "entrypoint" in service):
        compile(code, "compose.yaml", "exec")


def test_every_process_of_compose_has_the_same_data_folder_key_and_settings(
    services: dict[str, Any],
) -> None:
    ours = {
        name: service
        for name, service in services.items()
        if service.get("image") == "tidemark" and "entrypoint" not in service
    }
    assert set(ours) == {"web-1", "web-2", "worker"}
    said = {name: dict(each["environment"]) for name, each in ours.items()}
    said["worker"].pop("TIDEMARK_WORKER_METRICS")
    assert said["web-1"] == said["web-2"] == said["worker"]
    folders = {setting_name(field) for field in ("data_dir", "cache_dir")}
    set_in_image = {
        name: value
        for instruction, rest in instructions()
        if instruction == "ENV"
        for name, _, value in (pair.partition("=") for pair in rest.split())
        if name in folders
    }
    for each in ours.values():
        assert {volume.split(":")[1] for volume in each["volumes"]} == set(set_in_image.values())
        assert "database" in each["depends_on"]


def test_compose_runs_the_tidb_that_the_tests_run_on(services: dict[str, Any]) -> None:
    parts = {"pd", "tikv", "tiflash", "tidb"}
    versions = {
        service["image"].split(":")[1] for name, service in services.items() if name in parts
    }
    assert versions == {IMAGE.split(":")[1]}


def test_the_parts_of_the_cluster_call_each_other_by_their_names(services: dict[str, Any]) -> None:
    said = [*services["pd"]["command"], *services["tikv"]["command"], *services["tidb"]["command"]]
    said += re.findall(r'"([^"]+)"', (DEPLOY / "tiflash.toml").read_text())
    hosts = {host for each in said for host in re.findall(r"\b([a-z]+):\d{4,5}", each)}
    assert hosts == {"pd", "tikv", "tiflash"}
    for name in ("tiflash", "tiflash-proxy"):
        tomllib.loads((DEPLOY / f"{name}.toml").read_text())
    mounted = [volume.split(":")[1] for volume in services["tiflash"]["volumes"]]
    flash = tomllib.loads((DEPLOY / "tiflash.toml").read_text())["flash"]["proxy"]
    assert flash["config"] in mounted


def test_the_proxy_and_prometheus_ask_every_web_process(services: dict[str, Any]) -> None:
    conf = (DEPLOY / "nginx.conf").read_text()
    assert conf.count("{") == conf.count("}")
    assert re.findall(r"server 127\.0\.0\.1:(\d+)", conf) == ports(services)
    scraped = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    targets = [target for each in scraped[0]["static_configs"] for target in each["targets"]]
    assert targets == [f"127.0.0.1:{port}" for port in ports(services)]
    (workers,) = scraped[1]["dns_sd_configs"]
    address = services["worker"]["environment"]["TIDEMARK_WORKER_METRICS"]
    assert (workers["names"], f"0.0.0.0:{workers['port']}") == (["worker"], address)
    published = services["proxy"]["ports"][0].rsplit(":", 1)[1]
    assert f"listen {published};" in conf


def figures() -> set[str]:
    """The names of all figures, as Prometheus sees them."""
    shared = ("jobs", "indexes", "tidb_up", "documents", "knowledge_bases")
    own = {f"tidemark_{name}" for name in shared}
    assert all(f'"{name}"' in Path(app.figures.__file__).read_text() for name in own)
    told = set(own)
    for family in REGISTRY.collect():
        ends = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",)}
        told |= {family.name + end for end in ends.get(family.type, ("",))}
    return told


def test_the_dashboard_shows_figures_that_there_are() -> None:
    panels = json.loads((DEPLOY / "grafana.json").read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    named = {
        "".join(name)
        for expression in asked
        for name in re.findall(r"(\w+)[{\[]|(?:min|max)\((\w+)\)", expression)
    }
    assert len(named) > 8
    assert named - figures() == set()
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_the_handbook_tells_of_every_figure() -> None:
    told = (ROOT / "docs" / "observing.md").read_text()
    ours = re.compile(r"(?:tidemark|http_server|db_client|gen_ai)_\w+")
    names = {re.sub(r"_(bucket|count|sum)$", "", name) for name in figures() if ours.match(name)}
    assert set(ours.findall(told)) == names
