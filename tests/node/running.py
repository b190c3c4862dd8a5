"""Programs for Node, run with the clients that `package-lock.json` describes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.waiting import PATIENCE

FOLDER = Path(__file__).parent


def node(program: Path, *arguments: str, **environment: str) -> str:
    """What a program writes; it may import whatever `package.json` names.

    Fails where Node or the clients are missing, saying how to get them.
    """
    command = shutil.which("node") or shutil.which("node", path=Path(sys.executable).parent)
    assert command, "There is no Node.js: run `make node`."
    assert (FOLDER / "node_modules" / "openai").is_dir(), "Run `make node` for the Node clients."
    names = ("PROXY", "OPENAI")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not any(part in name.upper() for part in names)
    }
    ended = subprocess.run(
        [command, str(program), *arguments],
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def run(name: str, *arguments: str) -> Any:
    """What one of the programs of this folder tells, as JSON."""
    return json.loads(node(FOLDER / name, *arguments))
