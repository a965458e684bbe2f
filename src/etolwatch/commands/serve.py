"""The command that shows the store in a browser: serve."""

from __future__ import annotations

import logging
import math
import os
import signal
from typing import TYPE_CHECKING

import click

from etolwatch.commands.frame import DONE, Settings, command

if TYPE_CHECKING:
    from etolwatch.config import Config
    from etolwatch.web.guard import Access

PASSWORD, TOKEN = "ETOLWATCH_PASSWORD", "ETOLWATCH_TOKEN"
LEAST_PASSWORD, LEAST_TOKEN = 10, 24  # characters
THREADS = 4
# What others may keep busy. A form has at most 1 MiB (`web.guard`); more is refused before it is read.
LARGEST_REQUEST = 2 * 1024 * 1024  # bytes
CONNECTIONS = 500  # open at once; those that say nothing are closed …
SILENT_FOR_S = 20  # … after so many seconds …
LOOKED_AFTER_S = 5  # … and are looked for so often
COSTLIEST = {"scrypt": 2**30, "pbkdf2": 10_000_000}  # to test a password: bytes of memory; iterations
PROXY_HEADERS = {"x-forwarded-for", "x-forwarded-proto"}

log = logging.getLogger("etolwatch")


@command("serve", logs_info=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8017, show_default=True, help="0: any free one."
)
@click.option(
    "--hash-password", is_flag=True, help="Ask for a password, print its hash for config.toml, and end."
)
def serve(settings: Settings, host: str, port: int, hash_password: bool) -> int:
    """Show findings and captures in a browser, and judge them.

    Only this machine is answered, unless a password is set: serve.password_hash in
    config.toml, or the environment's ETOLWATCH_PASSWORD or ETOLWATCH_TOKEN. Ctrl-C ends it.

    \b
    Examples:
      etolwatch serve
      etolwatch serve --hash-password
      etolwatch serve --host 0.0.0.0 --port 8080
    """
    if hash_password:
        return _print_hash()
    from etolwatch import config as configuration

    config = configuration.load(settings.config)
    access = access_of(config, host, dict(os.environ))
    _listen(config, access, host, port)
    return DONE


def _print_hash() -> int:
    from werkzeug.security import generate_password_hash

    word = click.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True)
    if len(word) < LEAST_PASSWORD:
        raise click.UsageError(f"A password has {LEAST_PASSWORD} characters or more.")
    click.echo(f'password_hash = "{generate_password_hash(word)}"')
    return DONE


def access_of(config: Config, host: str, environment: dict[str, str]) -> Access:
    """Who may ask, if the server listens on this address. Raises UsageError if nobody would be kept out."""
    from werkzeug.security import generate_password_hash

    from etolwatch.errors import UsageError
    from etolwatch.web.guard import LOOPBACK, Access

    password, token = environment.get(PASSWORD, ""), environment.get(TOKEN) or None
    for name, word, least in ((PASSWORD, password, LEAST_PASSWORD), (TOKEN, token or "", LEAST_TOKEN)):
        if 0 < len(word) < least:
            raise UsageError("too short", name, f"expected {least} characters or more")
    hashed = generate_password_hash(password) if password else config.serve.password_hash
    if not _is_usable(hashed):
        raise UsageError(
            "wrong configuration",
            f"{config.path}: serve.password_hash",
            "no password can be tested by it: expected what “etolwatch serve --hash-password” prints",
        )
    is_local = host.strip("[]").lower() in LOOPBACK
    is_reached = [name for name in ("hosts", "trusted_proxy") if getattr(config.serve, name)]
    if hashed is None and token is None and (not is_local or is_reached):
        raise UsageError(
            "no password is set",
            f"serve.{is_reached[0]} of {config.path}" if is_local else host,
            "beyond this machine a password is needed: write serve.password_hash into config.toml"
            f" (“etolwatch serve --hash-password” makes it), or set {PASSWORD} or {TOKEN}",
        )
    return Access(
        hosts=LOOPBACK | {host.strip("[]").lower()} | set(config.serve.hosts),
        password_hash=hashed,
        token=token,
        any_address=host in ("0.0.0.0", "::", "[::]", "*", ""),  # noqa: S104 - compared, not bound
    )


def _is_usable(hashed: str | None) -> bool:
    """Whether passwords can be tested by this hash, in reasonable time and memory; none at all is no harm."""
    from werkzeug.security import check_password_hash

    if hashed is None:
        return True
    method, *words = hashed.partition("$")[0].split(":")
    cost = math.prod(int(word) for word in words if word.isdecimal() and len(word) < 20)
    if method == "scrypt":
        cost *= 128  # RFC 7914 §2: 128 · N · r bytes, p times
    if cost > COSTLIEST.get(method, 0):
        return False
    try:
        check_password_hash(hashed, "")
    except (ValueError, OverflowError):
        return False
    return True


def _listen(config: Config, access: Access, host: str, port: int) -> None:
    from waitress.server import create_server

    from etolwatch.errors import UsageError
    from etolwatch.web.app import create_app

    behind = config.serve.trusted_proxy
    try:
        server = create_server(
            create_app(config, access),
            host=host.strip("[]"),
            port=port,
            threads=THREADS,
            max_request_body_size=LARGEST_REQUEST,
            connection_limit=CONNECTIONS,
            channel_timeout=SILENT_FOR_S,
            cleanup_interval=LOOKED_AFTER_S,
            asyncore_use_poll=True,  # select() knows no descriptor above 1,023
            ident=None,
            clear_untrusted_proxy_headers=True,
            trusted_proxy=behind,
            trusted_proxy_headers=PROXY_HEADERS if behind else set(),
        )
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise UsageError("cannot listen", f"{host} port {port}", cause) from error
    shown = f"[{host}]" if ":" in host else host
    bound = getattr(server, "effective_port", port)
    click.echo(f"http://{shown}:{bound}/ shows {config.store}; Ctrl-C ends it.", err=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the answers in hand are finished
    try:
        server.run()
    finally:
        server.close()
