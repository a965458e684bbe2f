"""Processes that are killed while they send, and several that send at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from etolwatch import config
from etolwatch.notify import telling
from etolwatch.notify.outbox import Outbox, State

from .conftest import write_config
from .server import MailServer

LONG_AGO = datetime.now(UTC) - timedelta(days=30)
NOBODY = "http://127.0.0.1:9/"


def prepared(folder: Path, mail: MailServer, count: int) -> Path:
    """A folder whose outbox holds so many messages; its config.toml."""
    path = write_config(folder, NOBODY, mail.port)
    read = config.load(path)
    (channel,) = read.notify.channels
    with Outbox(read.store) as outbox:
        for n in range(count):
            drafts = telling.drafts(read.notify, channel, f"pass/{n}", f"Message {n}", "Text\n", LONG_AGO)
            outbox.put(drafts, LONG_AGO)
    return path


def notify(path: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "etolwatch", "notify", "--config", str(path), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, err + out


@pytest.mark.parametrize("nth", [1, 2, 5])
def test_killed_before_the_server_takes_it_nothing_is_lost_or_sent_twice(
    tmp_path: Path, mail: MailServer, nth: int
) -> None:
    path = prepared(tmp_path, mail, 5)
    offered = 0
    running: list[subprocess.Popen[str]] = []
    is_started = Event()

    def kill() -> bool:
        nonlocal offered
        offered += 1
        if offered == nth:
            assert is_started.wait(30)
            os.kill(running[0].pid, signal.SIGKILL)
        return offered != nth

    mail.before_reply = kill
    running.append(notify(path))
    is_started.set()
    assert finished(running[0])[0] == -signal.SIGKILL
    assert len(mail.mails) == nth - 1
    status, said = finished(notify(path, "--retry"))
    assert status == 0, said
    assert Counter(mail.subjects) == Counter(f"Message {n}" for n in range(5))
    assert len(set(mail.ids)) == 5


@pytest.mark.parametrize("nth", [1, 3])
def test_killed_after_the_server_took_it_one_mail_comes_twice_under_one_name(
    tmp_path: Path, mail: MailServer, nth: int
) -> None:
    """The one place where a crash can make a message arrive twice, and no other message does."""
    path = prepared(tmp_path, mail, 4)
    running: list[subprocess.Popen[str]] = []
    is_started, is_dead = Event(), Event()

    def kill() -> None:
        if len(mail.mails) == nth and not is_dead.is_set():
            assert is_started.wait(30)
            os.kill(running[0].pid, signal.SIGKILL)
            is_dead.wait(30)

    mail.after_taking = kill
    running.append(notify(path))
    is_started.set()
    assert finished(running[0])[0] == -signal.SIGKILL
    is_dead.set()
    with Outbox(config.load(path).store) as outbox:
        uncertain = [m for m in outbox.messages() if "may have arrived" in m.trouble]
        assert [m.subject for m in uncertain] == [f"Message {nth - 1}"]
    mail.after_taking = lambda: None
    status, said = finished(notify(path, "--retry"))
    assert status == 0, said
    counts = Counter(mail.subjects)
    assert counts.pop(f"Message {nth - 1}") == 2
    assert set(counts.values()) == {1}
    assert len(set(mail.ids)) == 4


def test_processes_that_send_at_once_send_each_once(tmp_path: Path, mail: MailServer) -> None:
    path = prepared(tmp_path, mail, 12)
    statuses = [finished(process)[0] for process in [notify(path) for _ in range(4)]]
    assert set(statuses) <= {0, 75}
    assert 0 in statuses
    assert Counter(mail.subjects) == Counter(f"Message {n}" for n in range(12))


def test_the_command_tells_what_it_did(tmp_path: Path, mail: MailServer) -> None:
    path = prepared(tmp_path, mail, 2)
    mail.replies["rcpt"] = "550 no such user"
    status, said = finished(notify(path))
    assert (status, said.splitlines()[-1]) == (4, "0 sent, 0 waiting, 2 refused.")
    listed = json.loads(finished(notify(path, "--list", "--format", "json"))[1])
    assert [(row["state"], row["trouble"]) for row in listed] == [("refused", "550 no such user")] * 2
    mail.replies.clear()
    assert finished(notify(path, "--retry")) == (0, "2 sent, 0 waiting, 0 refused.\n")
    assert finished(notify(path, "--list")) == (0, "Nothing waits.\n")
    assert finished(notify(path, "--test")) == (0, "1 sent, 0 waiting, 0 refused.\n")
    assert mail.subjects[-1] == "etolwatch: a test"
    with Outbox(config.load(path).store) as outbox:
        assert {m.state for m in outbox.messages(sent=True)} == {State.SENT}
