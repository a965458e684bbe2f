"""Other ways to tell: whatever service apprise knows, if the extra ``notify`` is installed."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
from collections.abc import Mapping
from typing import Any

from etolwatch.config import SEVERAL, Channel
from etolwatch.notify.mail import NotTaken, Unreachable

PREFIX = "service:"
DIGITS = 12


def address_of(service: str) -> str:
    """How the outbox names a service, wherever it stands in a channel's list: by no secret of its address."""
    if service.startswith("$"):
        return PREFIX + service
    digest = hashlib.sha256(service.encode()).hexdigest()[:DIGITS]
    return f"{PREFIX}{service.partition('://')[0]}:{digest}"


def body_of(title: str, text: str, form: str) -> bytes:
    """What the outbox keeps of a message to a service."""
    return json.dumps({"title": title, "text": text, "form": form}, ensure_ascii=False).encode()


def send(channel: Channel, address: str, body: bytes, environment: Mapping[str, str] | None = None) -> None:
    """Returns once the service has taken it. Raises NotTaken, Unreachable."""
    named = next((one for one in channel.services if address_of(one) == address), None)
    if named is None:
        raise NotTaken(f"config.toml does not name this service in {channel.name} any more", for_good=True)
    target = _target(named, os.environ if environment is None else environment)
    if SEVERAL.search(target):
        # of several, taken and not taken cannot be told apart: who took it would get it again and again
        raise NotTaken(f"{address} holds several addresses: name each by itself in services", for_good=True)
    apprise = _apprise()
    told = json.loads(body)
    service = apprise.Apprise.instantiate(target)
    if service is None:
        why = "apprise knows no such service, or its address lacks something"
        raise NotTaken(f"{why}: see services in {channel.name} of config.toml", for_good=True)
    sender = apprise.Apprise()
    sender.add(service)
    with apprise.LogCapture(level=apprise.logging.WARNING) as said:
        taken = sender.notify(body=told["text"], title=told["title"], body_format=told["form"])
        why = said.getvalue().strip()
    if not taken:
        # only the last line, and without the address: it may hold a secret
        last = why.rpartition("\n")[2].replace(target, "the service")
        raise NotTaken(last or "the service did not take it")


def _target(service: str, environment: Mapping[str, str]) -> str:
    if not service.startswith("$"):
        return service
    target = environment.get(service[1:])
    if not target:
        raise Unreachable("a service cannot be told", service, "this environment variable is not set")
    return target


def _apprise() -> Any:
    try:
        return importlib.import_module("apprise")
    except ModuleNotFoundError as error:
        cause = "it is not installed: pip install 'etolwatch[notify]'"
        raise Unreachable("a service cannot be told", "apprise", cause) from error
