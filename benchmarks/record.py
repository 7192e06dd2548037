"""How a benchmark writes what it measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fitnets_lib import files


def write(path: Path, content: dict[str, Any]) -> None:
    """Writes `content` as readable JSON; if the process dies meanwhile, the file stays as it was before.

    Raises:
        files.NotWritten: if the system refuses, as on a full disk.
    """
    files.write(path, (json.dumps(content, indent=1) + "\n").encode())
