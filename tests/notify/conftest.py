"""A mail server on loopback, and an outbox to send from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from shell.conftest import Commands, library, run  # noqa: F401 - fixtures

from etolwatch.notify.outbox import Outbox

from .server import MailServer, serving


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with serving() as server:
        yield server


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "snapshots") as box:
        yield box


class Clock:
    """A time that the test sets."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 9, 4, 17, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **much: float) -> datetime:
        self.at += timedelta(**much)
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


def write_config(folder: Path, address: str, mail_port: int, channel: str = "", server: str = "") -> Path:
    """A configuration that watches the library at this address and tells one channel."""
    path = folder / "config.toml"
    path.write_text(
        f'[[site]]\nname = "penhale"\nseeds = ["{address}penhale/index.htm"]\ndelay_s = 0\n'
        f'[notify]\nfrom = "watch@library.example"\nhost = "127.0.0.1"\nport = {mail_port}\n{server}\n'
        f'[[notify.channel]]\nname = "ann"\nto = ["ann@library.example"]\n{channel}\n',
        encoding="utf-8",
    )
    return path
