"""What one bare httpx client costs for the same requests: nothing is kept but the entity tags.

python bench/floor.py INDEX TAGS.json       a second run, with the tags there, asks conditionally
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from urllib.parse import urljoin

import httpx


def main() -> None:
    index, store = sys.argv[1], Path(sys.argv[2])
    tags = json.loads(store.read_text()) if store.exists() else {}
    with httpx.Client() as client:
        links = re.findall(r'href="(page\d+\.htm)"', client.get(index).text)
        for link in links:
            uri = urljoin(index, link)
            headers = {"If-None-Match": tags[uri]} if uri in tags else {}
            tags[uri] = client.get(uri, headers=headers).headers["etag"]
    store.write_text(json.dumps(tags))


if __name__ == "__main__":
    main()
