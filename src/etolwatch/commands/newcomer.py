"""Commands for whoever meets the program: demo, completion."""

from __future__ import annotations

from pathlib import Path

import click

from etolwatch.commands.frame import DONE, Settings, command, etolwatch, wants_color


@command("demo")
@click.option(
    "--folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to keep the store and the report.  [default: a new folder for temporary files]",
)
def demo(_: Settings, folder: Path | None) -> int:
    """Watch a small invented site: what is this?

    The site is played through several days on this machine, and what changed is reported.
    Nothing is asked of any other machine. The site, its author and its texts are invented.

    \b
    Example:
      etolwatch demo
    """
    import tempfile

    from etolwatch.demo.play import play

    place = folder or Path(tempfile.mkdtemp(prefix="etolwatch-demo-"))
    play(place, color=wants_color())
    return DONE


@command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(_: Settings, shell: str) -> int:
    """Print the completion script for your shell.

    \b
    Examples:
      etolwatch completion bash > ~/.local/share/bash-completion/completions/etolwatch
      etolwatch completion fish > ~/.config/fish/completions/etolwatch.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(kind(etolwatch, {}, "etolwatch", "_ETOLWATCH_COMPLETE").source())
    return DONE
