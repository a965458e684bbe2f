"""The generated pages on loopback, with validators; a process of its own, so that it is not measured.

python bench/server.py COUNT        prints the address of the index, then serves until it is ended
"""

from __future__ import annotations

import hashlib
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pages

MODIFIED = "Wed, 14 Sep 2011 12:00:00 GMT"


class Handler(BaseHTTPRequestHandler):
    """Answers from memory: 200 with ETag and Last-Modified, 304 to a tag that it knows."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    known: dict[str, tuple[bytes, str]]

    def do_GET(self) -> None:
        found = self.known.get(self.path)
        if found is None:
            self._answer(404, b"", {})
            return
        body, etag = found
        headers = {"Content-Type": "text/html", "ETag": etag, "Last-Modified": MODIFIED}
        fresh = self.headers.get("If-None-Match") == etag
        self._answer(304 if fresh else 200, b"" if fresh else body, headers)

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name is the library's)
        """Nothing: the lines would only cost time."""


def main() -> None:
    count = int(sys.argv[1])
    bodies = {f"/writer/{pages.name(n)}": pages.page(n) for n in range(count)}
    bodies["/writer/index.htm"] = pages.index(count)
    bodies["/robots.txt"] = b"User-agent: *\nDisallow:\n"
    Handler.known = {
        path: (body, f'"{hashlib.sha256(body).hexdigest()[:20]}"') for path, body in bodies.items()
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}/writer/index.htm", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
