"""Python without network: what would leave the machine is refused and noted in the file FITNETS_OFFLINE.

Python imports this by itself where its folder is on PYTHONPATH, in every process.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

NEAR = {"localhost", "::1", "", socket.gethostname()}


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        there = arguments[1]
        host = there[0] if isinstance(there, tuple) else ""  # a socket in the file system is near
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0] or ""
    else:
        return
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name not in NEAR and not name.startswith("127."):
        with Path(os.environ["FITNETS_OFFLINE"]).open("a", encoding="utf-8") as file:
            file.write(f"{event} {name} by {' '.join(sys.argv)}\n")
        raise OSError(f"{event}: there is no network here, and {name} was asked for")


sys.addaudithook(refuse)
