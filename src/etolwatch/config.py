"""config.toml → Config, or a ConfigError that names the key that is wrong.

Every key is checked when the file is read, so that nothing is started with a mistake in it:
the error says which file and key, what was found there, and what was expected.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfoNotFoundError

from etolwatch.errors import ConfigError
from etolwatch.harvest.scope import asks_for, canonical, in_scope, is_loopback
from etolwatch.model import Site

PROFILES = ("etol", "generic")
REPORT_FORMATS = ("html", "json", "markdown", "text")
DEFAULT_SCHEDULE = "17 4 * * *"
DEFAULT_DELAY_S = 10.0
DEFAULT_BUDGET = 1000
DEFAULT_LARGEST_BODY_BYTES = 16 * 1024 * 1024

TOP_KEYS = ("contact", "store", "reports", "site")
REPORT_KEYS = ("folder", "formats")
SITE_KEYS = (
    "name",
    "seeds",
    "scope",
    "exclude",
    "profile",
    "schedule",
    "time_zone",
    "delay_s",
    "budget",
    "largest_body_bytes",
    "source",
    "stands_for",
)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
CONTACT = re.compile(r"[!-~]+@[!-~]+\.[!-~]+|https?://[!-~]+|mailto:[!-~]+@[!-~]+")
ADDRESS = "an address that begins with http:// or https://"
ABSENT = object()


@dataclass(frozen=True, slots=True)
class Config:
    """What config.toml says; folders are absolute. ``report_folder`` None: no report is kept."""

    sites: tuple[Site, ...]
    contact: str | None
    store: Path
    report_folder: Path | None
    report_formats: tuple[str, ...]
    path: Path

    def site(self, name: str) -> Site:
        """The site of this name. Raises ConfigError, with the names that there are."""
        for site in self.sites:
            if site.name == name:
                return site
        known = ", ".join(site.name for site in self.sites)
        raise ConfigError("no such site", name, f"{self.path} has: {known}")


def load(path: Path, *, schedules: bool = True) -> Config:
    """The configuration in this file; relative folders in it are relative to the file's folder.

    ``schedules`` False leaves out whether they can ever fire: the scheduler is slow to
    import, and matters only to what makes passes.

    Raises ConfigError for a file that cannot be read, is no TOML, or has a wrong key,
    type or value.
    """
    table = _Table(_read(path), path, "")
    table.know(TOP_KEYS)
    folder = path.resolve().parent
    reports = _Table(table.value("reports", dict, "a table [reports]", {}), path, "reports.")
    reports.know(REPORT_KEYS)
    report_folder = reports.text("folder", 'a folder, or "" for none', "")
    sites = _sites(table, folder)
    if schedules:
        _refuse_schedules(sites, path)
    return Config(
        sites=sites,
        contact=_contact(table),
        store=folder / (table.text("store", "a folder", "snapshots") or "snapshots"),
        report_folder=folder / report_folder if report_folder else None,
        report_formats=tuple(
            reports.choice("formats", item, REPORT_FORMATS) for item in reports.texts("formats", ["html"])
        ),
        path=path,
    )


def refuse_strangers(config: Config, sites: Iterable[Site]) -> None:
    """Returns if every host that these sites ask is this machine, or if ``contact`` is set.

    Raises ConfigError otherwise: a site's keepers must be able to reach whoever asks them.
    """
    if config.contact:
        return
    asked = {uri for site in sites for uri in addresses_asked(site)}
    hosts = {urlsplit(uri).hostname or "" for uri in asked if not is_loopback(uri)}
    if hosts:
        raise ConfigError(
            "contact is not set",
            str(config.path),
            f"before {', '.join(sorted(hosts))} is asked for anything, write into this file how its keepers "
            'can reach you, for example contact = "you@example.org"; it is sent with each request',
        )


def addresses_asked(site: Site) -> list[str]:
    """Where a pass over this site asks its seeds and scope; empty if a folder is read in its place."""
    asked = (asks_for(site, uri) for uri in (*site.seeds, *site.scope) if in_scope(site, uri))
    return [uri for uri in asked if is_address(uri)]


def is_address(text: str) -> bool:
    """Whether it is the address of a page on the web, rather than a folder."""
    return text.lower().startswith(("http://", "https://"))


def folder_of(uri: str) -> str:
    """The address without what follows its last slash: the scope that a seed gives by itself."""
    return uri.partition("?")[0].rpartition("/")[0] + "/"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(
            "no configuration",
            str(path),
            "write one with “etolwatch init DIR --seed URL”, or name yours with --config",
        ) from error
    except OSError as error:
        raise ConfigError("cannot read the configuration", str(path), error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise ConfigError("not UTF-8", str(path), f"byte {error.start} does not belong there") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("not TOML", str(path), str(error)) from error


class _Table:
    """One table of the file, read key by key; it knows its place, to name it in an error."""

    def __init__(self, data: Mapping[str, Any], path: Path, place: str) -> None:
        self.data, self.path, self.place = data, path, place

    def wrong(self, key: str, found: object, expected: str) -> ConfigError:
        found_text = "nothing" if found is ABSENT else _shown(found)
        return ConfigError(
            "wrong configuration",
            f"{self.path}: {self.place}{key}",
            f"found {found_text}, expected {expected}",
        )

    def know(self, keys: tuple[str, ...]) -> None:
        """Raises ConfigError for the first key that is not among these."""
        for key in self.data:
            if key not in keys:
                near = difflib.get_close_matches(key, keys, 1, 0.6)
                hint = f"did you mean {near[0]}?" if near else f"the keys here are {', '.join(keys)}"
                raise ConfigError("unknown key", f"{self.path}: {self.place}{key}", hint)

    def value(self, key: str, kind: type | tuple[type, ...], expected: str, default: Any = ABSENT) -> Any:
        """The key's value if it is of this kind; the default if the key is absent."""
        found = self.data.get(key, ABSENT)
        if found is ABSENT and default is not ABSENT:
            return default
        # bool is an int to Python, not to the writer of a configuration
        if isinstance(found, bool) or not isinstance(found, kind):
            raise self.wrong(key, found, expected)
        return found

    def text(self, key: str, expected: str, default: Any = ABSENT) -> str:
        text: str = self.value(key, str, f"{expected}, in quotes", default)
        if "\0" in text:
            raise self.wrong(key, text, expected)
        return text

    def texts(
        self, key: str, default: Any = ABSENT, expected: str = "a list of texts in quotes"
    ) -> list[str]:
        found = self.value(key, list, expected, default)
        for position, item in enumerate(found):
            if not isinstance(item, str):
                raise self.wrong(f"{key}[{position}]", item, "a text in quotes")
        return list(found)

    def number(
        self, key: str, kind: type | tuple[type, ...], least: float, expected: str, default: Any
    ) -> Any:
        found = self.value(key, kind, expected, default)
        # written so that nan, which TOML allows, is refused too
        if not least <= found < float("inf"):
            raise self.wrong(key, found, expected)
        return found

    def choice(self, key: str, found: str, choices: tuple[str, ...]) -> str:
        if found not in choices:
            raise self.wrong(key, found, f"one of {', '.join(choices)}")
        return found

    def addresses(self, key: str, default: Any = ABSENT) -> tuple[str, ...]:
        """The list of addresses at this key, canonical."""
        found = self.texts(key, default, "a list of addresses in quotes")
        return tuple(self.address(f"{key}[{position}]", item) for position, item in enumerate(found))

    def address(self, key: str, found: str) -> str:
        address = canonical(found) if is_address(found) else None
        if address is None or not urlsplit(address).hostname:
            raise self.wrong(key, found, ADDRESS)
        return address


def _shown(found: object) -> str:
    if isinstance(found, str):
        return f"“{found}”"
    if isinstance(found, bool):
        return "true" if found else "false"
    return f"{found!r}"


def _contact(table: _Table) -> str | None:
    contact = table.text("contact", "an e-mail address or the address of a web page", "").strip()
    # it is sent inside a header, in parentheses: nothing that would end them
    if contact and (not CONTACT.fullmatch(contact) or set(contact) & set('();,<>"\\')):
        raise table.wrong(
            "contact", contact, 'an e-mail address or the address of a web page; or "" for none yet'
        )
    return contact or None


def _sites(table: _Table, folder: Path) -> tuple[Site, ...]:
    found = table.value("site", list, "one table [[site]] or more")
    if not found or not all(isinstance(item, dict) for item in found):
        raise table.wrong("site", found, "one table [[site]] or more")
    sites = tuple(_site(_Table(item, table.path, f"site[{n}]."), folder) for n, item in enumerate(found))
    names: set[str] = set()
    for position, site in enumerate(sites):
        if site.name.lower() in names:
            raise table.wrong(f"site[{position}].name", site.name, "a name that no other site has")
        names.add(site.name.lower())
    return sites


def _site(table: _Table, folder: Path) -> Site:
    table.know(SITE_KEYS)
    name = table.text("name", "a short name")
    if not NAME.fullmatch(name):
        raise table.wrong("name", name, "up to 64 of the letters a to z, digits, dots, hyphens, underscores")
    seeds = table.addresses("seeds")
    if not seeds:
        raise table.wrong("seeds", [], "one address or more")
    scope = table.addresses("scope", [folder_of(seed) for seed in seeds])
    for position, seed in enumerate(seeds):
        if not seed.startswith(scope):
            raise table.wrong(f"seeds[{position}]", seed, "an address inside the scope")
    source, stands_for = _source(table, folder)
    site = Site(
        name=name,
        seeds=seeds,
        scope=scope,
        exclude=table.addresses("exclude", []),
        profile=table.choice("profile", table.text("profile", "a profile", "etol"), PROFILES),
        schedule=table.text("schedule", "five cron fields", DEFAULT_SCHEDULE),
        time_zone=table.text("time_zone", "the name of a time zone", "UTC"),
        delay_s=float(
            table.number("delay_s", (int, float), 0, "a number of seconds, 0 or more", DEFAULT_DELAY_S)
        ),
        budget=table.number("budget", int, 1, "a whole number of requests, 1 or more", DEFAULT_BUDGET),
        largest_body_bytes=table.number(
            "largest_body_bytes", int, 1, "a whole number of bytes, 1 or more", DEFAULT_LARGEST_BODY_BYTES
        ),
        source=source,
        stands_for=stands_for,
    )
    for position, seed in enumerate(site.seeds):
        if not in_scope(site, seed):
            below = "" if source is None else f", and below {stands_for}, for which the source stands"
            raise table.wrong(f"seeds[{position}]", seed, f"an address that is not excluded{below}")
    return site


ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def _refuse_schedules(sites: Sequence[Site], path: Path) -> None:
    from etolwatch.schedule import next_time

    for position, site in enumerate(sites):
        table = _Table({}, path, f"site[{position}].")
        try:
            next_time("* * * * *", site.time_zone, ANY_TIME)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            expected = "the name of a time zone such as Europe/London or UTC"
            raise table.wrong("time_zone", site.time_zone, expected) from error
        try:
            next_time(site.schedule, site.time_zone, ANY_TIME)  # it may be well formed and never come round
        except ValueError as error:
            expected = f"five cron fields such as {DEFAULT_SCHEDULE} ({error})"
            raise table.wrong("schedule", site.schedule, expected) from error


def _source(table: _Table, folder: Path) -> tuple[str | None, str | None]:
    source = table.text("source", "a mirror's base address or a folder", "")
    stands_for = table.text("stands_for", ADDRESS, "")
    if not source and not stands_for:
        return None, None
    if not source:
        raise table.wrong("source", ABSENT, "a mirror's base address or a folder, since stands_for is given")
    if not stands_for:
        raise table.wrong("stands_for", ABSENT, "the address that source stands for")
    return _source_place(table, source, folder), table.address("stands_for", stands_for)


def _source_place(table: _Table, source: str, folder: Path) -> str:
    if is_address(source):
        return table.address("source", source)
    place = folder / Path(source).expanduser()
    if not place.is_dir():
        raise table.wrong(
            "source", source, "a mirror's base address (http:// or https://) or a folder that exists"
        )
    return str(place)
