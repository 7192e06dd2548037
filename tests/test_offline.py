"""The book needs no network: the smoke book that all tests of pages read was built without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers import offline, unshared

AWAY = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"  # an address kept for documents
NAMED = "import urllib.request; urllib.request.urlopen('https://example.org/', timeout=5)"
NEAR = """
import socket, threading
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname())
one, other = socket.socketpair()
one.sendall(b"here")
print(other.recv(4), server.accept()[1][0])
"""


def test_the_smoke_book_was_built_and_nothing_asked_for_the_network(smoke_home: Path) -> None:
    assert (smoke_home / "_build" / "html" / "index.html").is_file()
    assert list((smoke_home / "_build" / "executed" / "smoke").glob("*.ipynb"))
    log = smoke_home / "offline.log"
    assert not log.exists(), log.read_text()


@pytest.mark.parametrize(("line", "asked"), [(AWAY, "192.0.2.1"), (NAMED, "example.org")])
def test_what_asks_for_the_network_is_refused_and_noted(tmp_path: Path, line: str, asked: str) -> None:
    done = offline("-c", line, home=tmp_path)
    assert done.returncode == 1
    assert f"there is no network here, and {asked} was asked for" in done.stderr
    assert asked in (tmp_path / "offline.log").read_text()


def test_what_stays_on_the_machine_is_let_through(tmp_path: Path) -> None:
    done = offline("-c", NEAR, home=tmp_path, system=False)
    assert done.stdout == "b'here' 127.0.0.1\n", done.stderr
    assert not (tmp_path / "offline.log").exists()


@pytest.mark.skipif(unshared() == (), reason="this system lets nobody cut off its own network")
def test_the_system_refuses_as_well_what_python_does_not_see(tmp_path: Path) -> None:
    done = offline("-S", "-c", AWAY, home=tmp_path)  # without site, so without our guard
    assert done.returncode == 1
    assert "Network is unreachable" in done.stderr
    assert not (tmp_path / "offline.log").exists()
