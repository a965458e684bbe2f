"""The command: whom it lets in, where it listens, how it ends."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from werkzeug.security import check_password_hash

from etolwatch import cli
from etolwatch.commands.serve import access_of
from etolwatch.config import Config, Serve, load
from etolwatch.errors import ConfigError, UsageError
from web.conftest import LAMPS

HASH = "scrypt:32768:8:1$salt$" + "0" * 128


def config_of(tmp_path: Path, *lines: str) -> Config:
    path = tmp_path / "config.toml"
    site = '[[site]]\nname = "x"\nseeds = ["https://x.example/"]\n'
    path.write_text(site + "[serve]\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return load(path)


# ── config.toml ──


def test_the_keys_of_serve_are_read(tmp_path: Path) -> None:
    found = config_of(
        tmp_path,
        f'password_hash = "{HASH}"',
        'hosts = ["ETOL.example.org."]',
        'trusted_proxy = "::1"',
    )
    assert found.serve == Serve(HASH, ("etol.example.org",), "::1")
    assert config_of(tmp_path).serve == Serve()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('password_hash = "hunter2hunter2"', "serve.password_hash"),
        ('password_hash = "scrypt:1:1:1$$0"', "serve.password_hash"),
        ('hosts = ["https://etol.example.org"]', "serve.hosts[0]"),
        ('hosts = ["a b"]', "serve.hosts[0]"),
        ('hosts = "etol.example.org"', "serve.hosts"),
        ('trusted_proxy = "localhost"', "serve.trusted_proxy"),
        ('trusted_proxy = "10.0.0.0/8"', "serve.trusted_proxy"),
        ('trusted_proxy = "*"', "serve.trusted_proxy"),
        ('port = 80', "unknown key"),
    ],
)  # fmt: skip
def test_a_wrong_key_is_named(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config_of(tmp_path, line)
    assert said in str(raised.value)
    assert "hunter2" not in str(raised.value)  # what stands there may be the password itself


# ── whom it lets in ──


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]"])
def test_on_this_machine_no_password_is_needed(tmp_path: Path, host: str) -> None:
    assert access_of(config_of(tmp_path), host, {}).is_open


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.0.2.1", "", "etol.example.org", "127.0.0.1.example.org"]
)
def test_anywhere_else_one_is(tmp_path: Path, host: str) -> None:
    with pytest.raises(UsageError, match="no password is set"):
        access_of(config_of(tmp_path), host, {})


@pytest.mark.parametrize(
    ("lines", "environment", "word"),
    [
        ((), {"ETOLWATCH_PASSWORD": "correct horse battery"}, "correct horse battery"),
        ((), {"ETOLWATCH_TOKEN": "t" * 24}, "t" * 24),
    ],
)
def test_a_password_or_token_of_the_environment_will_do(
    tmp_path: Path, lines: tuple[str, ...], environment: dict[str, str], word: str
) -> None:
    access = access_of(config_of(tmp_path, *lines), "0.0.0.0", environment)
    assert not access.is_open
    assert access.admits(word)
    assert not access.admits(word + "x")
    assert not access.admits("")


def test_so_will_the_hash_of_the_configuration(tmp_path: Path) -> None:
    access = access_of(config_of(tmp_path, f'password_hash = "{HASH}"'), "0.0.0.0", {})
    assert access.password_hash == HASH


@pytest.mark.parametrize("environment", [{"ETOLWATCH_PASSWORD": "short"}, {"ETOLWATCH_TOKEN": "t" * 23}])
def test_one_that_could_be_guessed_is_refused(tmp_path: Path, environment: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="too short"):
        access_of(config_of(tmp_path), "127.0.0.1", environment)


def test_the_names_of_the_server_are_those_given(tmp_path: Path) -> None:
    environment = {"ETOLWATCH_TOKEN": "t" * 24}
    found = access_of(config_of(tmp_path, 'hosts = ["etol.example.org"]'), "192.0.2.1", environment)
    assert found.knows_host("etol.example.org")
    assert found.knows_host("192.0.2.1:8017")
    assert not found.knows_host("192.0.2.2")
    assert access_of(config_of(tmp_path), "0.0.0.0", environment).knows_host("192.0.2.2")


def test_the_hash_that_is_printed_is_that_of_the_password(tmp_path: Path) -> None:
    word = "correct horse battery"
    ran = CliRunner().invoke(cli.etolwatch, ["serve", "--hash-password"], input=f"{word}\n{word}\n")
    line = ran.stdout.splitlines()[-1]
    found = config_of(tmp_path, line).serve.password_hash
    assert found
    assert check_password_hash(found, word)
    assert word not in ran.stdout


def test_a_short_password_is_not_hashed() -> None:
    ran = CliRunner().invoke(cli.etolwatch, ["serve", "--hash-password"], input="short\nshort\n")
    assert ran.exit_code == 2
    assert "10 characters" in ran.output


# ── the running server ──


@contextmanager
def running(folder: Path, *words: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The command as a process of its own, and the port on which it listens."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # so a shell starts what runs in the background, and children inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [sys.executable, "-m", "etolwatch", "serve", "--port", "0", *words],
        cwd=folder,
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stderr
            for line in server.stderr:
                if found := re.search(r"http://\S+:(\d+)/", line):
                    yield server, int(found[1])
                    break
            else:
                pytest.fail("it said no address")
        finally:
            server.kill()


def ask(port: int, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(
        "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, response.headers, body


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_shows_the_store_and_ends_when_it_is_told(
    demo: Config, tmp_path: Path, sign: signal.Signals
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    with running(demo.path.parent, TMPDIR=str(place)) as (server, port):
        status, headers, body = ask(port, "/")
        assert status == 200
        assert LAMPS.rpartition("/")[2].encode() in body
        assert "Server" not in headers
        (path,) = re.findall(rf'href="(/finding/\d+/{re.escape(LAMPS)})"', body.decode())
        assert ask(port, path)[0] == 200  # two slashes in a path survive the server
        assert ask(port, "/", Host="evil.example")[0] == 403
        assert list(place.iterdir()) != []
        server.send_signal(sign)
        assert server.wait(20) == 0
    assert list(place.iterdir()) == []  # nothing is left lying about


def test_it_listens_on_this_machine_alone(demo: Config) -> None:
    with running(demo.path.parent) as (_, port):
        others = {found[4][0] for found in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET)}
        for address in others - {"127.0.0.1", "127.0.1.1"}:
            with pytest.raises(OSError), socket.create_connection((str(address), port), timeout=5):  # noqa: PT011
                pass


def test_a_header_of_a_proxy_that_is_not_trusted_counts_for_nothing(demo: Config) -> None:
    with running(demo.path.parent, ETOLWATCH_PASSWORD="correct horse battery") as (_, port):
        _, headers, _ = ask(port, "/login", X_Forwarded_Proto="https")
        assert "Secure" not in headers["Set-Cookie"]


def test_the_word_of_a_trusted_proxy_does(demo: Config) -> None:
    with demo.path.open("a", encoding="utf-8") as file:
        file.write('\n[serve]\ntrusted_proxy = "127.0.0.1"\nhosts = ["etol.example.org"]\n')
    with running(demo.path.parent, ETOLWATCH_PASSWORD="correct horse battery") as (_, port):
        _, headers, _ = ask(port, "/login", X_Forwarded_Proto="https", Host="etol.example.org")
        assert "Secure" in headers["Set-Cookie"]


def test_a_port_that_is_taken_is_told(demo: Config) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = subprocess.run(
            [sys.executable, "-m", "etolwatch", "serve", "--port", port],
            cwd=demo.path.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert ran.returncode == 2
    assert f"cannot listen: 127.0.0.1 port {port}" in ran.stderr


def test_it_runs_beside_a_pass(demo: Config) -> None:
    from etolwatch.archive.store import Store

    with Store(demo.store), running(demo.path.parent) as (_, port):
        assert ask(port, "/")[0] == 200


# ── what others may keep busy ──


@pytest.mark.parametrize(
    "kept",
    ['hosts = ["a.example"]', 'trusted_proxy = "127.0.0.1"', 'password_hash = ""\nhosts = ["a.example"]'],
)  # fmt: skip
def test_behind_a_proxy_a_password_is_needed(tmp_path: Path, kept: str) -> None:
    with pytest.raises(UsageError, match="no password is set"):
        access_of(config_of(tmp_path, kept), "127.0.0.1", {})
    assert not access_of(config_of(tmp_path, kept), "127.0.0.1", {"ETOLWATCH_TOKEN": "t" * 24}).is_open


@pytest.mark.parametrize(
    "method",
    ["scrypt:999999999:8:1", "scrypt:1073741824:8:1", "scrypt:32767:8:1", "scrypt:a:8:1",
     f"scrypt:{'9' * 5000}:8:1", "pbkdf2:sha999:1", "pbkdf2:sha256:99999999999", "pbkdf2:sha256:0"],
)  # fmt: skip
def test_a_hash_that_tests_no_password_is_named_at_the_start(tmp_path: Path, method: str) -> None:
    config = config_of(tmp_path, f'password_hash = "{method}$salt$00"')
    with pytest.raises(UsageError, match=r"serve\.password_hash"):
        access_of(config, "127.0.0.1", {})


def test_what_is_too_large_is_refused_before_it_is_read(demo: Config, tmp_path: Path) -> None:
    with running(demo.path.parent, TMPDIR=str(tmp_path)) as (_, port):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as sent:
            sent.sendall(b"POST /judge HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000000\r\n\r\nnote=")
            assert sent.recv(12) == b"HTTP/1.1 413"
        with socket.create_connection(("127.0.0.1", port), timeout=30) as sent:
            sent.sendall(b"POST /judge HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
            sent.sendall(chunk * 2)
            assert sent.recv(12) == b"HTTP/1.1 413"


def test_half_sent_requests_keep_nobody_waiting(demo: Config) -> None:
    with running(demo.path.parent) as (_, port), ExitStack() as stack:
        for _ in range(120):
            half = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            half.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        assert ask(port, "/help")[0] == 200
