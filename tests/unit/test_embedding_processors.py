"""How many threads the local model may have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.embedding import processors
from app.embedding.processors import multiplies_int8_exactly, usable_processors


@pytest.fixture(autouse=True)
def sixteen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processors, "_affinity", lambda: 16)


def write(root: Path, files: dict[str, str]) -> tuple[Path, Path]:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root / "cgroup", root / "own"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cgroup/cpu.max": "200000 100000", "own": "0::/"}, 2),
        ({"cgroup/cpu.max": "150000 100000", "own": "0::/"}, 2),
        ({"cgroup/cpu.max": "10000 100000", "own": "0::/"}, 1),
        ({"cgroup/cpu.max": "max 100000", "own": "0::/"}, 16),
        ({"cgroup/a/cpu.max": "300000 100000", "cgroup/a/b/cpu.max": "max 1", "own": "0::/a/b"}, 3),
        (
            {
                "cgroup/cpu/x/cpu.cfs_quota_us": "400000",
                "cgroup/cpu/x/cpu.cfs_period_us": "100000",
                "own": "3:cpu,cpuacct:/x\n1:memory:/y",
            },
            4,
        ),
        ({"cgroup/cpu/cpu.cfs_quota_us": "-1", "cgroup/cpu/cpu.cfs_period_us": "100000"}, 16),
        ({"cgroup/cpu.max": "nonsense", "own": "0::/"}, 16),
        ({}, 16),
    ],
)
def test_a_quota_holds_the_threads(tmp_path: Path, files: dict[str, str], expected: int) -> None:
    assert usable_processors(*write(tmp_path, files)) == expected


def test_here_there_is_at_least_one_and_no_more_than_the_machine_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    assert 1 <= usable_processors() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("machine", "flags", "exactly"),
    [
        ("x86_64", "flags : avx2 avx512_vnni", True),
        ("x86_64", "flags : avx2 avx_vnni fma", True),
        ("x86_64", "flags : avx2 avx512f avx_vnni_int8x", False),
        ("AMD64", None, False),
        ("arm64", None, True),
    ],
)
def test_int8_is_for_processors_that_do_it_exactly(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    machine: str,
    flags: str | None,
    *,
    exactly: bool,
) -> None:
    monkeypatch.setattr(processors.platform, "machine", lambda: machine)
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(flags)
    assert multiplies_int8_exactly(tmp_path / "cpuinfo") is exactly
