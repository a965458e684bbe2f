"""The tables [notify] and [[notify.channel]]: what is right is read, what is wrong is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from shell.test_config import complaint, written

from etolwatch import config
from etolwatch.config import Each, Tls, load
from etolwatch.model import Category, Verdict

ROOT = Path(__file__).parents[2]
SERVER = '[notify]\nfrom = "watch@library.example"\nhost = "mail.library.example"\n'
CHANNEL = '[[notify.channel]]\nname = "ann"\nto = ["ann@library.example"]\n'


def test_nobody_is_told_unless_it_is_said(tmp_path: Path) -> None:
    assert load(written(tmp_path)).notify == config.Notify()


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    notify = load(written(tmp_path, top=SERVER + CHANNEL)).notify
    assert notify.mail == config.Mail(
        "watch@library.example", "mail.library.example", 587, Tls.STARTTLS, None, "ETOLWATCH_SMTP_PASSWORD"
    )
    (channel,) = notify.channels
    assert channel == config.Channel("ann", ("ann@library.example",))
    assert Verdict.SILENT_EDIT in channel.verdicts
    assert Verdict.COSMETIC not in channel.verdicts
    assert (channel.each, channel.form, channel.outages) == (Each.PASS, "text", True)


def test_what_is_said_is_read(tmp_path: Path) -> None:
    server = SERVER + 'port = 465\nuser = "ann"\npassword_env = "LAMPS"\n'
    channel = CHANNEL + (
        'services = ["$ROOM", "json://127.0.0.1/"]\neach = "week"\nverdicts = ["declared_edit"]\n'
        'categories = ["spelling"]\nwords = ["lamp oil"]\nsites = ["one"]\nform = "html"\noutages = false\n'
    )
    notify = load(written(tmp_path, top=server + channel)).notify
    assert notify.mail is not None
    assert (notify.mail.port, notify.mail.tls, notify.mail.user) == (465, Tls.SSL, "ann")
    (found,) = notify.channels
    assert found.services == ("$ROOM", "json://127.0.0.1/")
    assert (found.verdicts, found.categories) == ((Verdict.DECLARED_EDIT,), (Category.SPELLING,))
    assert (found.each, found.words, found.sites) == (Each.WEEK, ("lamp oil",), ("one",))
    assert (found.form, found.outages) == ("html", False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_this_machine_needs_no_tls(tmp_path: Path, host: str) -> None:
    server = SERVER.replace("mail.library.example", host)
    mail = load(written(tmp_path, top=server)).notify.mail
    assert mail is not None
    assert (mail.tls, mail.port) == (Tls.NONE, 25)


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ('tls = "none"', ("notify.tls", "“none”", "not this machine")),
        ('tls = "yes"', ("notify.tls", "“yes”", "starttls, ssl, none")),
        ("port = 0", ("notify.port", "0")),
        ("port = 65536", ("notify.port", "65536", "1 to 65535")),
        ('port = "25"', ("notify.port", "“25”")),
        ('password = "oil"', ("notify.password", "password_env")),
        ('password_env = "lamp oil"', ("notify.password_env", "environment variable")),
        ("channel = 3", ("notify.channel", "[[notify.channel]]")),
        ("channel = [3]", ("notify.channel", "[[notify.channel]]")),
    ],
)
def test_a_wrong_key_of_the_server_is_named(tmp_path: Path, extra: str, named: tuple[str, ...]) -> None:
    text = complaint(written(tmp_path, top=SERVER + extra))
    for part in named:
        assert part in text
    assert "lamp oil" not in text


@pytest.mark.parametrize(
    ("server", "named"),
    [
        ('[notify]\nhost = "mail.library.example"', ("notify.from", "nothing")),
        ('[notify]\nhost = "mail.library.example"\nfrom = "Ann <a@b.example>"', ("notify.from", "e-mail")),
        ('[notify]\nhost = "a b"\nfrom = "a@b.example"', ("notify.host", "“a b”")),
        ("notify = 3", ("notify", "3", "table")),
    ],
)
def test_a_server_needs_a_name_and_a_sender(tmp_path: Path, server: str, named: tuple[str, ...]) -> None:
    text = complaint(written(tmp_path, top=server))
    for part in named:
        assert part in text


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ('each = "day"', ("notify.channel[0].each", "“day”", "pass, week")),
        ('verdicts = ["silent"]', ("notify.channel[0].verdicts[0]", "“silent”", "silent_edit")),
        ('verdicts = ["first_capture"]', ("notify.channel[0].verdicts[0]", "“first_capture”")),
        ('categories = ["words"]', ("notify.channel[0].categories[0]", "substantive")),
        ('words = ["—"]', ("notify.channel[0].words[0]", "a word")),
        ('sites = ["two"]', ("notify.channel[0].sites[0]", "“two”", "one of one")),
        ('form = "pdf"', ("notify.channel[0].form", "text, markdown, html")),
        ("outages = 1", ("notify.channel[0].outages", "true or false")),
        ('services = ["room"]', ("notify.channel[0].services[0]", "$NAME")),
        ('services = ["json://a/,json://b/"]', ("notify.channel[0].services[0]", "one address")),
        ("verdicts = []", ("notify.channel[0].verdicts", "one verdict or more, or words")),
        ('word = ["x"]', ("notify.channel[0].word", "did you mean words?")),
        (CHANNEL, ("notify.channel[1].name", "no other channel")),
    ],
)
def test_a_wrong_key_of_a_channel_is_named(tmp_path: Path, extra: str, named: tuple[str, ...]) -> None:
    text = complaint(written(tmp_path, top=SERVER + CHANNEL + extra))
    for part in named:
        assert part in text


def test_watch_words_alone_are_enough(tmp_path: Path) -> None:
    notify = load(written(tmp_path, top=SERVER + CHANNEL + 'verdicts = []\nwords = ["oil"]\n')).notify
    assert notify.channels[0].verdicts == ()


@pytest.mark.parametrize(
    ("channel", "named"),
    [
        ('[[notify.channel]]\nname = "ann"', ("notify.channel[0].to", "one e-mail address")),
        ('[[notify.channel]]\nto = ["a@b.example"]', ("notify.channel[0].name", "nothing")),
        ('[[notify.channel]]\nname = "a/b"\nto = ["a@b.example"]', ("notify.channel[0].name", "“a/b”")),
        (
            '[[notify.channel]]\nname = "ann"\nto = ["a@b.example\\nBcc: c@d.example"]',
            ("notify.channel[0].to[0]", "e-mail address"),
        ),
    ],
)
def test_a_channel_needs_a_name_and_someone_to_tell(
    tmp_path: Path, channel: str, named: tuple[str, ...]
) -> None:
    text = complaint(written(tmp_path, top=SERVER + channel))
    for part in named:
        assert part in text


def test_mail_needs_a_server(tmp_path: Path) -> None:
    text = complaint(written(tmp_path, top=CHANNEL))
    assert "notify.host" in text
    assert "notify.channel[0].to" in text


@pytest.mark.parametrize("key", [*config.NOTIFY_KEYS, *config.CHANNEL_KEYS])
def test_each_key_is_documented_and_explained(key: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"`{key}`" in readme or f"`notify.{key}`" in readme or key == "channel"
    default = (ROOT / "config.toml").read_text(encoding="utf-8").partition("# [notify]")[2]
    assert key == "channel" or re.search(rf"^# {key} = ", default, re.M)


def test_the_examples_of_the_default_are_right(tmp_path: Path) -> None:
    """Each line that is commented out would be taken."""
    default = (ROOT / "config.toml").read_text(encoding="utf-8")
    lines = ("# [notify]" + default.partition("# [notify]")[2]).splitlines()
    keys = [line[2:] for line in lines if re.match(r"# (\[|[a-z_]+ = )", line)]
    notify = load(written(tmp_path, top="\n".join(keys).replace('["pearce"]', '["one"]'))).notify
    assert notify.mail is not None
    assert len(notify.channels) == 1
