"""A pass that is killed, and two that meet."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from .conftest import ORIGIN, RealSite, Watch, acknowledged, end

KILLS_ON_DAY_1 = 20
KILLS_ON_DAY_2 = 10


def killed(watch: Watch, dice: random.Random) -> list[str]:
    """One check, killed at a random moment: the pages that it had acknowledged by then.

    The moment is that of the n-th acknowledgement and up to 20 ms more, or, now and then,
    some time within the first half second, when the store is being opened.
    """
    process = watch.start("check", "-v")
    assert process.stderr is not None
    seen: list[str] = []
    if dice.random() < 0.2:
        time.sleep(dice.uniform(0.05, 0.5))
    else:
        wanted = dice.randint(1, 8)
        for line in process.stderr:
            uri = acknowledged(line)
            seen += [uri] if uri else []
            if len(seen) >= wanted:
                break
        time.sleep(dice.uniform(0.0, 0.02))
    process.send_signal(signal.SIGKILL)
    # what it had still written before it died counts as acknowledged too
    seen += [uri for uri in map(acknowledged, process.stderr) if uri]
    end(process, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL  # it was still at work
    return seen


def texts(watch: Watch, files: list[Path], kinds: tuple[str, ...]) -> Counter[str]:
    """Original address → how many such records of it these files hold."""
    records = watch.records(*files)
    return Counter(urlsplit(uri).path for kind, uri, _ in records if kind in kinds and "/archive/" in uri)


def test_killed_thirty_times(watch: Watch, realsite: RealSite) -> None:
    dice = random.Random(1958)
    # without a pause, a pass may be over before whoever is to kill it gets to run on a busy machine
    watch.configure(realsite.address, delay_s=0.01)
    realsite.turn_to(1)
    seen = [uri for _ in range(KILLS_ON_DAY_1) for uri in killed(watch, dice)]
    watch.run("check")
    first_files = watch.warcs()
    held = texts(watch, first_files, ("response", "revisit"))
    assert {urlsplit(uri).path for uri in seen if uri.startswith(ORIGIN)} <= set(held)
    # 129 texts and the listed works that are absent, each of them once
    assert sum(1 for path in held if path.startswith("/archive/pearce/")) >= 129
    assert {path: times for path, times in held.items() if times > 1} == {}

    realsite.turn_to(2)
    time.sleep(1.1)  # a pass is named by its second
    seen = [uri for _ in range(KILLS_ON_DAY_2) for uri in killed(watch, dice)]
    watch.run("check")
    later = [file for file in watch.warcs() if file not in first_files]
    held = texts(watch, later, ("response", "revisit"))
    assert {urlsplit(uri).path for uri in seen if uri.startswith(ORIGIN)} <= set(held)
    assert {path: times for path, times in held.items() if times > 1} == {}
    assert list((watch.folder / "snapshots" / "warc").glob("*.open")) == []
    watch.run("verify")


def test_two_checks_at_once(watch: Watch, realsite: RealSite) -> None:
    realsite.turn_to(1)
    watch.configure(realsite.address, delay_s=0.02)
    one = watch.start("check", "-v")
    try:
        assert one.stderr is not None
        assert any(acknowledged(line) for line in one.stderr)  # it holds the store and works
        other = watch.run("check", status=75)
        assert str(one.pid) in other.stderr
        assert other.stdout == ""
        one.communicate(timeout=120)
        assert one.returncode == 0
    finally:
        one.kill()
        one.wait()
    assert watch.run("check").returncode == 0


def test_ended_politely(watch: Watch, realsite: RealSite) -> None:
    """SIGTERM: the request in hand is ended, the pass is kept as interrupted, the next goes on."""
    realsite.turn_to(1)
    watch.configure(realsite.address, delay_s=0.1)
    process = watch.start("check", "-v")
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen += [uri] if (uri := acknowledged(line)) else []
        if len(seen) == 5:
            break
    began = time.monotonic()
    end(process, signal.SIGTERM)
    assert time.monotonic() - began < 10
    assert process.returncode not in (0, -signal.SIGKILL)
    watch.configure(realsite.address)
    watch.run("check")
    held = texts(watch, watch.warcs(), ("response",))
    assert {path: times for path, times in held.items() if times > 1} == {}
    assert sum(1 for path in held if path.startswith("/archive/pearce/")) >= 129
