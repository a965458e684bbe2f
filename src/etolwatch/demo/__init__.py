"""A small site with a history, written for etolwatch, and its playing through on loopback.

``site/day-1`` is the site as the story begins; ``history.toml`` tells what becomes of it
on the days that follow, with whole new pages in ``site/day-2`` and so on. The author, the
town and the papers named there are invented.
"""
