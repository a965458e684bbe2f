"""Two saved response bodies, with what a crawler would know of them, as payloads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from etolwatch.contract import instant_from_text, instant_to_text
from etolwatch.errors import UsageError
from etolwatch.model import Payload

KEYS = {
    "url": str,
    "final_url": str,
    "status": int,
    "captured_at": str,
    "last_modified": str,
    "content_type": str,
}


def payloads(before: Path, after: Path, meta: Path | None) -> tuple[Payload, Payload]:
    """The two bodies as payloads. Without ``meta``: two 200s, captured nobody knows when.

    Raises UsageError for a file that cannot be read or a key of ``meta`` that is wrong.
    """
    known = _meta(meta) if meta else {}
    one, two = _payload(before, known.get("before", {})), _payload(after, known.get("after", {}))
    if one.captured_at and two.captured_at and one.captured_at > two.captured_at:
        found = f"{instant_to_text(one.captured_at)} is later than {instant_to_text(two.captured_at)}"
        cause = f"{found} of after; expected the earlier capture first"
        raise UsageError("wrong meta", f"{meta}: before.captured_at", cause)
    return one, two


def _payload(path: Path, known: Mapping[str, Any]) -> Payload:
    content_type = known.get("content_type")
    return Payload(
        uri=known.get("url") or path.name,
        body=_read(path),
        final_uri=known.get("final_url"),
        status=known["status"] if known.get("status") is not None else 200,
        captured_at=instant_from_text(known.get("captured_at")),
        last_modified=known.get("last_modified"),
        content_type=content_type,
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError("cannot read", str(path), error.strerror or str(error)) from error


def _meta(path: Path) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(_read(path))
    except ValueError as error:
        raise UsageError("not JSON", str(path), str(error)) from error
    if not isinstance(found, dict):
        raise UsageError("wrong meta", str(path), 'expected an object with "before" and "after"')
    for side in found:
        if side not in ("before", "after") or not isinstance(found[side], dict):
            raise UsageError("wrong meta", f"{path}: {side}", 'expected an object under "before" or "after"')
        _check(path, side, found[side])
    return found


def _check(path: Path, side: str, known: Mapping[str, Any]) -> None:
    for key, value in known.items():
        kind = KEYS.get(key)
        subject = f"{path}: {side}.{key}"
        if kind is None:
            raise UsageError("unknown key", subject, f"the keys are {', '.join(KEYS)}")
        if value is not None and (isinstance(value, bool) or not isinstance(value, kind)):
            raise UsageError("wrong meta", subject, f"found {value!r}, expected {kind.__name__} or null")
    try:
        instant_from_text(known.get("captured_at"))
    except ValueError as error:
        raise UsageError("wrong meta", f"{path}: {side}.captured_at", "expected ISO 8601") from error
