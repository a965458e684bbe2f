"""The bar that `check` shows on a terminal: page, of how many, time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from etolwatch.harvest.crawl import Progress


@contextmanager
def progress(is_shown: bool) -> Iterator[Callable[[Progress], None] | None]:
    """What is to be called for each page done; None where no bar is shown. The bar is gone at the end."""
    if not is_shown:
        yield None
        return
    # rich takes a while to import, and a run from cron shows no bar
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.completed:.0f} of {task.total:.0f} addresses"),
        BarColumn(),
        TextColumn("{task.fields[left]}", style="dim"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, start=True, visible=False, left="")

        def show(event: Progress) -> None:
            bar.update(task, completed=event.done, total=event.of, left=left(event.left_s), visible=True)

        yield show


def left(seconds: float) -> str:
    """The time left, as roughly as it is known: “22 min left”."""
    if seconds < 60:
        return f"{seconds:.0f} s left"
    minutes = round(seconds / 60)
    return f"{minutes} min left" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min left"
