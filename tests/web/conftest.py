"""A demonstration store, played once, and the app over a copy of it."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from etolwatch.config import Config, load
from etolwatch.demo.play import play
from etolwatch.web.app import create_app
from etolwatch.web.guard import Access

NOW = datetime(2026, 11, 7, 12, 0, tzinfo=UTC)
LAMPS = "https://demo.example/archive/penhale/1951/03/lamplighters.htm"


@dataclass(frozen=True, slots=True)
class Page:
    """An answer, as a reader of its source meets it."""

    response: TestResponse

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def html(self) -> str:
        return self.response.get_data(as_text=True)

    @property
    def text(self) -> str:
        """What is read, without tags."""
        inner = re.sub(r"<(script|style)\b.*?</\1>", "", self.html, flags=re.S)
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", inner)).split())

    def field(self, name: str) -> str:
        """The value of the first field of a form with this name."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.html)
        assert found, f"no field {name}"
        return unescape(found[1])

    def links(self, css_class: str) -> list[str]:
        return [unescape(href) for href in re.findall(rf'class="{css_class}" href="([^"]*)"', self.html)]


@dataclass(frozen=True, slots=True)
class Reader:
    """A browser without scripts: keeps its cookies, sends back the forms that it was given."""

    client: FlaskClient

    def get(self, path: str, **headers: str) -> Page:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self.client.get(path, headers={"Accept": "text/html", **named})
        response.get_data()
        response.close()
        return Page(response)

    def post(self, path: str, data: dict[str, object], **headers: str) -> Page:
        """The form sent as it is."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Page(self.client.post(path, data=data, headers=named))

    def path_of(self, uri: str) -> str:
        """The page of the only listed finding on this page."""
        (path,) = [path for path in self.get("/?state=all").links("to") if path.endswith(uri)]
        return path

    def judge(self, path: str, /, state: object, **fields: object) -> Page:
        """Opens the page with the form, fills it in, sends it, and follows to what is shown then."""
        shown = self.get(path)
        names = ("csrf_token", "uri", "at", "digest", "back", "next", "stands")
        data: dict[str, object] = {name: shown.field(name) for name in names}
        if '<input type="hidden" name="whole"' in shown.html:
            data["whole"] = shown.field("whole")
        data |= {"state": state, "reviewer": "Ann"} | fields
        answer = self.post("/judge", data)
        assert answer.status == 303, answer.text
        return self.get(answer.response.location)


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demonstration that was played; not to be written to."""
    folder = tmp_path_factory.mktemp("demo") / "played"
    play(folder, say=lambda _: None)
    return folder


@pytest.fixture
def demo(played: Path, tmp_path: Path) -> Config:
    """A demonstration of one's own."""
    shutil.copytree(played, tmp_path / "demo")
    return load(tmp_path / "demo" / "config.toml")


def app_of(config: Config, access: Access | None = None) -> Flask:
    seconds = itertools.count()
    return create_app(config, access or Access(), lambda: NOW + timedelta(seconds=next(seconds)))


@pytest.fixture
def lamps(reader: Reader) -> str:
    """The page of the silent edit in the demonstration."""
    return reader.path_of(LAMPS)


@pytest.fixture
def reader(demo: Config) -> Iterator[Reader]:
    """Somebody at the machine, before the demonstration."""
    with app_of(demo).test_client() as client:
        yield Reader(client)
