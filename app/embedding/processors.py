"""How many processors this process may really use, and what they can do."""

from __future__ import annotations

import math
import os
import platform
import re
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def usable_processors(root: Path = _CGROUPS, own: Path = Path("/proc/self/cgroup")) -> int:
    """The processors that affinity and the control group leave to this process, at least one.

    `os.cpu_count()` counts the machine's: in a container held to two of sixty-four it would start
    sixty-four threads, which then wait for each other.
    """
    allowed = _affinity()
    for quota in _quotas(root, own):
        allowed = min(allowed, math.ceil(quota))
    return max(1, allowed)


def multiplies_int8_exactly(described: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor sums products of bytes in 32 bits: VNNI on x86, every 64-bit ARM.

    Without it onnxruntime adds pairs of them in 16 bits, which overflow silently.
    """
    if platform.machine().lower() in {"arm64", "aarch64"}:
        return True
    try:
        return re.search(r"\b(avx512_vnni|avx_vnni)\b", described.read_text()) is not None
    except OSError:
        return False


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS and Windows have neither


def _quotas(root: Path, own: Path) -> list[float]:
    """Every quota from the process's own group up to the root, in processors."""
    places = [root, root / "cpu"]
    try:
        for line in own.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            base = root / "cpu" if "cpu" in controllers.split(",") else root
            here = base / path.lstrip("/")
            places += [here, *(p for p in here.parents if p.is_relative_to(root))]
    except OSError:
        pass  # no control groups: not Linux
    found = (_quota(place) for place in places)
    return [quota for quota in found if quota is not None]


def _quota(place: Path) -> float | None:
    try:
        # Version 2: "200000 100000", or "max 100000". Version 1: two files, -1 for no limit.
        if (place / "cpu.max").is_file():
            share, period = (place / "cpu.max").read_text().split()
        else:
            share = (place / "cpu.cfs_quota_us").read_text().strip()
            period = (place / "cpu.cfs_period_us").read_text().strip()
    except (OSError, ValueError):
        return None
    return None if share in ("max", "-1") else int(share) / int(period)
