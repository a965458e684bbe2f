"""The console script: runs a command and gives its exit status."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

import click

from etolwatch.commands import (
    archive,
    exchange,
    mirror,
    newcomer,
    pages,
    review,
    searching,
    serve,
    telling,
    texts,
    watching,
)
from etolwatch.commands.frame import DONE, INTERNAL, Settings, etolwatch
from etolwatch.errors import EtolwatchError

MODULES = (
    watching,
    pages,
    texts,
    searching,
    archive,
    exchange,
    mirror,
    review,
    serve,
    telling,
    newcomer,
)  # importing them defines their commands
# What a write to stdout meets with on a full or broken disk.
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def main() -> None:
    """The console script: runs the command and exits with its status."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """The exit status of the command; an error that has a name is one line on stderr."""
    settings = Settings()
    try:
        status = etolwatch.main(list(arguments), "etolwatch", standalone_mode=False, obj=settings)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code if settings.trouble is None else settings.trouble
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read us has seen enough; the interpreter must not complain at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        if error.errno not in UNWRITABLE or error.filename is not None:
            return _slipped(error, settings)
        # the same bytes must not be tried again at the interpreter's end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _complain(error, settings, f"cannot write the output: {error.strerror}")
        return INTERNAL if settings.trouble is None else settings.trouble
    except EtolwatchError as error:
        _complain(error, settings, str(error))
        return error.exit_status if settings.trouble is None else settings.trouble
    except Exception as error:
        return _slipped(error, settings)
    return status if isinstance(status, int) else DONE


def _slipped(error: Exception, settings: Settings) -> int:
    """The exit status after a slip of ours: one line for the user, all of it with -v."""
    hint = "" if settings.verbose else " (-v shows where)"
    _complain(error, settings, f"internal error: {type(error).__name__}: {error}{hint}")
    return INTERNAL if settings.trouble is None else settings.trouble


def _complain(error: BaseException, settings: Settings, line: str) -> None:
    if settings.verbose:
        import traceback

        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    click.echo(f"etolwatch: {line}", err=True)
