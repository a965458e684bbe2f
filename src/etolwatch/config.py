"""config.toml → Config, or a ConfigError that names the key that is wrong.

Every key is checked when the file is read, so that nothing is started with a mistake in it:
the error says which file and key, what was found there, and what was expected.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfoNotFoundError

from etolwatch.errors import ConfigError
from etolwatch.harvest.scope import asks_for, canonical, in_scope, is_loopback
from etolwatch.model import Category, Requisite, Site, Verdict

PROFILES = ("etol", "generic")
REPORT_FORMATS = ("html", "json", "markdown", "text")
NOTIFY_FORMS = ("text", "markdown", "html")
DEFAULT_SCHEDULE = "17 4 * * *"
DEFAULT_DELAY_S = 10.0
DEFAULT_BUDGET = 1000
DEFAULT_LARGEST_BODY_BYTES = 16 * 1024 * 1024
DEFAULT_REQUISITES = (Requisite.STYLE, Requisite.FRAME, Requisite.IMAGE, Requisite.FONT)
DEFAULT_LARGEST_REQUISITE_BYTES = 8 * 1024 * 1024

TOP_KEYS = ("contact", "store", "reports", "serve", "notify", "site")
REPORT_KEYS = ("folder", "formats")
SERVE_KEYS = ("password_hash", "hosts", "trusted_proxy")
NOTIFY_KEYS = ("from", "host", "port", "tls", "user", "password_env", "channel")
CHANNEL_KEYS = (
    "name",
    "to",
    "services",
    "each",
    "verdicts",
    "categories",
    "words",
    "sites",
    "form",
    "outages",
)
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
    "requisites",
    "requisites_from",
    "largest_requisite_bytes",
    "source",
    "stands_for",
)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
CONTACT = re.compile(r"[!-~]+@[!-~]+\.[!-~]+|https?://[!-~]+|mailto:[!-~]+@[!-~]+")
ADDRESS = "an address that begins with http:// or https://"
PASSWORD_HASH = re.compile(r"(scrypt|pbkdf2):[a-z0-9:]+\$[^$\s]+\$[0-9a-f]+")
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
# An address that needs no quoting anywhere (RFC 5322 §3.4.1, dot-atom): no list, no name, no line break.
MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SERVICE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+|\$[A-Za-z_][A-Za-z0-9_]*")
SEVERAL = re.compile(r"[\s,;]+[A-Za-z][A-Za-z0-9+.-]*://")  # addresses in one text, as apprise parts them
PORTS = {"starttls": 587, "ssl": 465, "none": 25}
PASSWORD_VARIABLE = "ETOLWATCH_SMTP_PASSWORD"  # noqa: S105 - a name, not what it names
# What a channel tells of if it does not say: what readers of a page cannot know by its own date.
TOLD = (
    Verdict.SILENT_EDIT,
    Verdict.BACKDATED_EDIT,
    Verdict.DATE_BACKWARDS,
    Verdict.SAME_DAY_EDIT,
    Verdict.UNDATED_EDIT,
    Verdict.DATE_REMOVED,
    Verdict.PAGE_GONE,
    Verdict.PAGE_MOVED,
)
UNTOLD = (Verdict.FIRST_CAPTURE, Verdict.NO_TEXTUAL_CHANGE)  # these are counted in a report, not listed
ABSENT = object()


class Each(StrEnum):
    """How often a channel tells."""

    PASS = "pass"  # noqa: S105 - no password
    WEEK = "week"


class Tls(StrEnum):
    """How the way to a mail server is kept private."""

    STARTTLS = "starttls"  # RFC 3207
    SSL = "ssl"  # from the first byte (RFC 8314)
    NONE = "none"  # to this machine only


@dataclass(frozen=True, slots=True)
class Mail:
    """The server that takes mail, and as whom it is sent. The password is in the environment."""

    sender: str
    host: str
    port: int
    tls: Tls
    user: str | None = None
    password_env: str = PASSWORD_VARIABLE


@dataclass(frozen=True, slots=True)
class Channel:
    """Who is told of what, how often and in which form.

    A finding is told if its verdict is among ``verdicts`` and, where ``categories`` names any and it has
    variants, one of these is of such a category; and always if one of ``words`` stands in a lemma or reading.
    ``services`` are addresses as apprise has them, or "$NAME" for one in the environment.
    """

    name: str
    to: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    each: Each = Each.PASS
    verdicts: tuple[Verdict, ...] = TOLD
    categories: tuple[Category, ...] = ()
    words: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()  # empty: all
    form: str = "text"
    outages: bool = True


@dataclass(frozen=True, slots=True)
class Notify:
    """Who is told, and how."""

    mail: Mail | None = None
    channels: tuple[Channel, ...] = ()


@dataclass(frozen=True, slots=True)
class Serve:
    """How the store is shown in browsers. ``hosts``: names of the server beside the addresses it has.

    ``trusted_proxy``: the address of the only client whose X-Forwarded-For and -Proto are believed.
    """

    password_hash: str | None = None
    hosts: tuple[str, ...] = ()
    trusted_proxy: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """What config.toml says; folders are absolute. ``report_folder`` None: no report is kept."""

    sites: tuple[Site, ...]
    contact: str | None
    store: Path
    report_folder: Path | None
    report_formats: tuple[str, ...]
    path: Path
    serve: Serve = Serve()
    notify: Notify = Notify()

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
        serve=_serve(_Table(table.value("serve", dict, "a table [serve]", {}), path, "serve.")),
        notify=_notify(_Table(table.value("notify", dict, "a table [notify]", {}), path, "notify."), sites),
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
    """Where a pass over this site asks its seeds, scope and requisites; empty if a folder is read instead."""
    elsewhere = site.requisites_from if site.requisites and site.source is None else ()
    pages = (uri for uri in (*site.seeds, *site.scope) if in_scope(site, uri))
    asked = (asks_for(site, uri) for uri in (*pages, *elsewhere))
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

    def choices(self, key: str, default: list[str], choices: tuple[str, ...]) -> tuple[str, ...]:
        """The list of some of these at this key."""
        found = self.texts(key, default)
        return tuple(self.choice(f"{key}[{place}]", item, choices) for place, item in enumerate(found))

    def truth(self, key: str, default: bool) -> bool:
        found = self.data.get(key, default)
        if not isinstance(found, bool):
            raise self.wrong(key, found, "true or false")
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


def _serve(table: _Table) -> Serve:
    table.know(SERVE_KEYS)
    hashed = table.text("password_hash", "what “etolwatch serve --hash-password” prints", "")
    if hashed and not PASSWORD_HASH.fullmatch(hashed):
        # the value found is not repeated: it may be the password itself
        raise ConfigError(
            "wrong configuration",
            f"{table.path}: serve.password_hash",
            "expected what “etolwatch serve --hash-password” prints",
        )
    hosts = [host.lower().rstrip(".") for host in table.texts("hosts", [])]
    for position, host in enumerate(hosts):
        if not HOST.fullmatch(host):
            raise table.wrong(f"hosts[{position}]", host, "a host name such as etol.example.org")
    proxy = table.text("trusted_proxy", "the address of a proxy", "")
    try:
        trusted = str(ipaddress.ip_address(proxy)) if proxy else None
    except ValueError as error:
        raise table.wrong("trusted_proxy", proxy, "one address such as 127.0.0.1") from error
    return Serve(hashed or None, tuple(hosts), trusted)


def _notify(table: _Table, sites: Sequence[Site]) -> Notify:
    table.know(NOTIFY_KEYS)
    mail = _mail(table)
    found = table.value("channel", list, "tables [[notify.channel]]", [])
    if not all(isinstance(item, dict) for item in found):
        raise table.wrong("channel", found, "tables [[notify.channel]]")
    channels: list[Channel] = []
    for place, item in enumerate(found):
        inner = _Table(item, table.path, f"notify.channel[{place}].")
        channel = _channel(inner, tuple(site.name for site in sites))
        if channel.to and mail is None:
            raise table.wrong("host", ABSENT, f"a mail server, since {inner.place}to is given")
        if any(channel.name.lower() == other.name.lower() for other in channels):
            raise inner.wrong("name", channel.name, "a name that no other channel has")
        channels.append(channel)
    return Notify(mail, tuple(channels))


def _mail(table: _Table) -> Mail | None:
    host = table.text("host", "the name of a mail server", "").strip("[]").lower()
    if not host:
        return None
    if not _is_host(host):
        raise table.wrong("host", host, "the name of a mail server such as mail.example.org")
    is_local = is_loopback(f"http://[{host}]/" if ":" in host else f"http://{host}/")
    port = table.number("port", int, 1, "a port, 1 to 65535", 0) if "port" in table.data else 0
    if port > 65535:
        raise table.wrong("port", port, "a port, 1 to 65535")
    usual = "none" if is_local else "ssl" if port == PORTS["ssl"] else "starttls"
    tls = Tls(table.choice("tls", table.text("tls", "a way", usual), tuple(PORTS)))
    if tls is Tls.NONE and not is_local:
        # neither texts nor the password go over a network in the open
        raise table.wrong("tls", tls.value, f"starttls or ssl, since {host} is not this machine")
    sender = _mailbox(table, "from", table.text("from", "an e-mail address"))
    password_env = table.text("password_env", "the name of an environment variable", PASSWORD_VARIABLE)
    if not VARIABLE.fullmatch(password_env):
        # the value found is not repeated: it may be the password itself
        expected = "expected the name of an environment variable that holds the password"
        raise ConfigError("wrong configuration", f"{table.path}: {table.place}password_env", expected)
    user = table.text("user", "a user's name", "") or None
    return Mail(sender, host, port or PORTS[tls], tls, user, password_env)


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return HOST.fullmatch(host) is not None
    return True


def _mailbox(table: _Table, key: str, found: str) -> str:
    if not MAILBOX.fullmatch(found):
        raise table.wrong(key, found, "an e-mail address such as you@example.org, without a name")
    return found


def _channel(table: _Table, sites: tuple[str, ...]) -> Channel:
    table.know(CHANNEL_KEYS)
    name = table.text("name", "a short name")
    if not NAME.fullmatch(name):
        raise table.wrong("name", name, "up to 64 of the letters a to z, digits, dots, hyphens, underscores")
    to = tuple(_mailbox(table, f"to[{place}]", item) for place, item in enumerate(table.texts("to", [])))
    services = tuple(table.texts("services", []))
    for place, item in enumerate(services):
        if not SERVICE.fullmatch(item) or SEVERAL.search(item):
            raise table.wrong(
                f"services[{place}]", item, "one address of apprise, or $NAME for a variable that holds one"
            )
    if not to and not services:
        raise table.wrong("to", ABSENT, "one e-mail address or more, or services")
    tellable = [verdict.value for verdict in Verdict if verdict not in UNTOLD]
    words = tuple(table.texts("words", []))
    for place, word in enumerate(words):
        if not any(character.isalnum() for character in word):
            raise table.wrong(f"words[{place}]", word, "a word or a phrase")
    verdicts = table.choices("verdicts", list(TOLD), tuple(tellable))
    if not verdicts and not words:
        raise table.wrong("verdicts", [], "one verdict or more, or words: else nothing is ever told")
    return Channel(
        name=name,
        to=tuple(dict.fromkeys(to)),
        services=tuple(dict.fromkeys(services)),
        each=Each(table.choice("each", table.text("each", "pass or week", "pass"), tuple(Each))),
        verdicts=tuple(map(Verdict, verdicts)),
        categories=tuple(map(Category, table.choices("categories", [], tuple(Category)))),
        words=words,
        sites=table.choices("sites", [], sites),
        form=table.choice("form", table.text("form", "a form", "text"), NOTIFY_FORMS),
        outages=table.truth("outages", True),
    )


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
        requisites=_requisites(table),
        requisites_from=table.addresses("requisites_from", []),
        largest_requisite_bytes=table.number(
            "largest_requisite_bytes",
            int,
            1,
            "a whole number of bytes, 1 or more",
            DEFAULT_LARGEST_REQUISITE_BYTES,
        ),
        source=source,
        stands_for=stands_for,
    )
    for position, seed in enumerate(site.seeds):
        if not in_scope(site, seed):
            below = "" if source is None else f", and below {stands_for}, for which the source stands"
            raise table.wrong(f"seeds[{position}]", seed, f"an address that is not excluded{below}")
    return site


def _requisites(table: _Table) -> tuple[Requisite, ...]:
    """The kinds of what pages need that are kept with them, each once, the most wanted first."""
    named = table.choices("requisites", list(DEFAULT_REQUISITES), tuple(Requisite))
    return tuple(kind for kind in Requisite if kind in named)


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
