"""The config.toml that `etolwatch init` writes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

TEMPLATE = """\
# etolwatch watches what this file names. Paths are relative to the folder of this file.

# Who is asking: an e-mail address or a web page where the keepers of a site can reach you.
# It is sent with every request. While it is empty, no host beyond this machine is asked.
contact = {contact}

# Where every version of every page is kept.
store = "snapshots"

[reports]
# A folder into which each pass that found something writes its report; "" for none.
folder = "reports"
# Which forms of it: "html" (one file, for any browser), "json", "markdown", "text".
formats = ["html"]

# One [[site]] for each site; there may be several.
[[site]]
# A short name, for reports and for "etolwatch check {bare_name}".
name = {name}

# Where a pass begins.
seeds = {seeds}

# Only addresses that begin so are visited; exclude takes some of them out again.
scope = {scope}
exclude = []

# How the pages are read: "etol" knows the mark-up of marxists.org, "generic" is for any other site.
profile = {profile}

# When "etolwatch run" makes a pass: minute, hour, day of the month, month, day of the week.
schedule = "17 4 * * *"
time_zone = "UTC"

# Seconds between two requests to the same host; 10 or more is polite.
delay_s = {delay}

# The most requests that one pass may make; what is left is visited first by the next pass.
budget = 1000

# A page larger than this many bytes (16 MiB) is noted but not kept.
largest_body_bytes = 16_777_216

# What the pages need to be shown as they are, and is kept with them: any of "style" (style sheets and
# what they import), "frame" (the contents of frames), "image", "font", "media" (sound, film), "script";
# [] for nothing. It is asked for after the pages, once, and again when a page changed, or after 30 days;
# on the hosts of the site, and elsewhere only at addresses that begin as one of requisites_from.
requisites = ["style", "frame", "image", "font"]
requisites_from = []

# One of these that is larger than this many bytes (8 MiB) is noted but not kept.
largest_requisite_bytes = 8_388_608
"""


def initial_config(seeds: Sequence[str], scope: Sequence[str], delay_s: float, contact: str) -> str:
    """The text of a config.toml for one site; its name and profile are guessed from the first seed."""
    name = site_name(seeds[0])
    host = urlsplit(seeds[0]).hostname or ""
    return TEMPLATE.format(
        contact=_quoted(contact),
        name=_quoted(name),
        bare_name=name,
        seeds=_list(seeds),
        scope=_list(scope),
        profile=_quoted("etol" if host.removeprefix("www.") == "marxists.org" else "generic"),
        delay=f"{delay_s:g}",
    )


def site_name(seed: str) -> str:
    """A short name for the site of this seed: its folder's, else its host's."""
    parts = urlsplit(seed)
    folders = parts.path.rpartition("/")[0].split("/")
    wish = folders[-1] or (parts.hostname or "").removeprefix("www.")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", wish).strip("-._")[:64] or "site"


def _quoted(text: str) -> str:
    # a JSON string without DEL, which addresses never hold, is a TOML basic string
    return json.dumps(text, ensure_ascii=False)


def _list(texts: Sequence[str]) -> str:
    return "[" + "".join(f"\n    {_quoted(text)}," for text in texts) + "\n]"
