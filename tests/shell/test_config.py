"""config.toml: what is right is read, what is wrong is named with what was expected."""

from pathlib import Path

import pytest

from etolwatch.config import Config, addresses_asked, load, refuse_strangers
from etolwatch.errors import ConfigError

ROOT = Path(__file__).parents[2]
SITE = 'name = "one"\nseeds = ["http://127.0.0.1:8/a/index.htm"]\n'


def written(folder: Path, site: str = SITE, top: str = "") -> Path:
    path = folder / "config.toml"
    path.write_text(f"{top}\n[[site]]\n{site}", encoding="utf-8")
    return path


def complaint(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return str(caught.value)


def test_the_default_watches_the_pearce_archive() -> None:
    config = load(ROOT / "config.toml")
    (site,) = config.sites
    assert site.seeds == (
        "https://www.marxists.org/archive/pearce/index.htm",
        "https://www.marxists.org/history/etol/writers/pearce/index.htm",
    )
    assert site.scope == (
        "https://www.marxists.org/archive/pearce/",
        "https://www.marxists.org/history/etol/writers/pearce/",
    )
    assert site.delay_s == 10
    assert site.profile == "etol"
    assert config.contact is None
    assert config.store == ROOT / "snapshots"


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    config = load(written(tmp_path))
    (site,) = config.sites
    assert site.scope == ("http://127.0.0.1:8/a/",)
    assert (site.delay_s, site.exclude, site.time_zone, site.source) == (10, (), "UTC", None)
    assert site.requisites == ("style", "frame", "image", "font")
    assert (site.requisites_from, site.largest_requisite_bytes) == ((), 8_388_608)
    assert config.store == tmp_path / "snapshots"
    assert config.report_folder is None


def test_addresses_are_made_canonical(tmp_path: Path) -> None:
    site = 'name = "one"\nseeds = ["HTTP://Example.ORG:80/a/./b.htm#top"]\n'
    assert load(written(tmp_path, site)).sites[0].seeds == ("http://example.org/a/b.htm",)


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ("delay_s = -1", ("site[0].delay_s", "-1", "0 or more")),
        ("delay_s = nan", ("site[0].delay_s", "nan", "0 or more")),
        ("delay_s = true", ("site[0].delay_s", "true", "number of seconds")),
        ('delay_s = "10"', ("site[0].delay_s", "“10”", "number of seconds")),
        ("budget = 0", ("site[0].budget", "0", "1 or more")),
        ("budget = 1.5", ("site[0].budget", "1.5", "whole number")),
        ("largest_body_bytes = -5", ("site[0].largest_body_bytes", "-5")),
        ("largest_requisite_bytes = 0", ("site[0].largest_requisite_bytes", "0")),
        ('requisites = ["style", "picture"]', ("site[0].requisites[1]", "“picture”", "style, frame, image")),
        ("requisites = true", ("site[0].requisites", "true", "list")),
        ('requisites_from = ["pics/"]', ("site[0].requisites_from[0]", "“pics/”", "http://")),
        ("dealy_s = 3", ("site[0].dealy_s", "did you mean delay_s?")),
        ("colour = 3", ("site[0].colour", "the keys here are name, seeds")),
        ('schedule = "17 4 * *"', ("site[0].schedule", "“17 4 * *”", "five cron fields", "4 fields")),
        ('schedule = "17 25 * * *"', ("site[0].schedule", "“17 25 * * *”")),
        ('schedule = "0 4 * * 8"', ("site[0].schedule", "“8” is no day of the week")),
        ('time_zone = "Europe/Lundon"', ("site[0].time_zone", "“Europe/Lundon”", "Europe/London")),
        ('time_zone = "../../etc/passwd"', ("site[0].time_zone",)),
        ('profile = "marx"', ("site[0].profile", "“marx”", "etol, generic")),
        ('scope = ["ftp://a/"]', ("site[0].scope[0]", "“ftp://a/”", "http://")),
        ('scope = ["http://elsewhere/"]', ("site[0].seeds[0]", "inside the scope")),
        ('scope = "http://127.0.0.1:8/"', ("site[0].scope", "list of addresses")),
        ('exclude = ["/b/"]', ("site[0].exclude[0]", "“/b/”", "http://")),
        ("exclude = [7]", ("site[0].exclude[0]", "7", "text in quotes")),
        (
            'source = "nowhere"\nstands_for = "http://127.0.0.1:8/"',
            ("site[0].source", "“nowhere”", "folder that exists"),
        ),
        ('source = "."', ("site[0].stands_for", "nothing", "source stands for")),
        ('stands_for = "http://127.0.0.1:8/"', ("site[0].source", "nothing")),
    ],
)
def test_a_wrong_key_of_a_site_is_named(tmp_path: Path, extra: str, named: tuple[str, ...]) -> None:
    path = written(tmp_path, SITE + extra)
    text = complaint(path)
    for part in (str(path), *named):
        assert part in text


@pytest.mark.parametrize(
    ("site", "named"),
    [
        ('name = "one"', ("site[0].seeds", "nothing")),
        ('name = "one"\nseeds = []', ("site[0].seeds", "one address or more")),
        ('name = "one"\nseeds = ["www.example.org"]', ("site[0].seeds[0]", "“www.example.org”")),
        ('name = "one"\nseeds = ["http://"]', ("site[0].seeds[0]",)),
        ('name = "one"\nseeds = ["http://[::1/"]', ("site[0].seeds[0]",)),
        ('seeds = ["http://127.0.0.1/"]', ("site[0].name", "nothing")),
        ('name = "../x"\nseeds = ["http://127.0.0.1/"]', ("site[0].name", "“../x”")),
        ('name = ".."\nseeds = ["http://127.0.0.1/"]', ("site[0].name", "“..”")),
    ],
)
def test_a_site_needs_a_name_and_seeds(tmp_path: Path, site: str, named: tuple[str, ...]) -> None:
    text = complaint(written(tmp_path, site))
    for part in named:
        assert part in text


@pytest.mark.parametrize(
    ("top", "named"),
    [
        ('contact = "me"', ("contact", "“me”", "e-mail")),
        ('contact = "a@b.org)\\nX: y"', ("contact",)),
        ("contact = 5", ("contact", "5")),
        ('stor = "x"', ("stor", "did you mean store?")),
        ('[reports]\nformats = ["pdf"]', ("reports.formats", "“pdf”", "html, json, markdown, text")),
        ('[reports]\nfolders = "x"', ("reports.folders", "did you mean folder?")),
        ("reports = 3", ("reports", "3", "table")),
    ],
)
def test_a_wrong_key_at_the_top_is_named(tmp_path: Path, top: str, named: tuple[str, ...]) -> None:
    text = complaint(written(tmp_path, top=top))
    for part in named:
        assert part in text


def test_two_sites_may_not_share_a_name(tmp_path: Path) -> None:
    text = complaint(written(tmp_path, SITE + "\n[[site]]\n" + SITE.replace('"one"', '"ONE"')))
    assert "site[1].name" in text
    assert "“ONE”" in text


@pytest.mark.parametrize("body", [b"", b"site = 3\n", b"site = []\n", b"[[site]\n", b"\xff\xfe"])
def test_a_file_without_sites_or_without_sense(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(body)
    assert str(path) in complaint(path)


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    assert "etolwatch init" in complaint(tmp_path / "config.toml")
    assert str(tmp_path) in complaint(tmp_path)


def with_seed(folder: Path, seed: str, extra: str = "", top: str = "") -> Config:
    return load(written(folder, f'name = "one"\nseeds = ["{seed}"]\n{extra}', top))


@pytest.mark.parametrize(
    "seed",
    [
        "http://localhost:8/",
        "http://127.0.0.1/",
        "http://127.9.9.9/",
        "http://[::1]:8/",
        "http://x.localhost/",
    ],
)
def test_this_machine_may_be_asked_without_a_contact(tmp_path: Path, seed: str) -> None:
    config = with_seed(tmp_path, seed)
    refuse_strangers(config, config.sites)


@pytest.mark.parametrize(
    "seed",
    [
        "https://www.example.org/",
        "http://127.0.0.1.example.org/",
        "http://localhost.example.org/",
        "http://10.0.0.1/",
    ],
)
def test_no_other_is_asked_without_a_contact(tmp_path: Path, seed: str) -> None:
    config = with_seed(tmp_path, seed)
    with pytest.raises(ConfigError, match="contact is not set") as caught:
        refuse_strangers(config, config.sites)
    assert 'contact = "you@example.org"' in str(caught.value)
    allowed = with_seed(tmp_path, seed, top='contact = "me@example.org"')
    refuse_strangers(allowed, allowed.sites)


def test_hosts_of_requisites_are_asked_with_a_contact_too(tmp_path: Path) -> None:
    elsewhere = 'requisites_from = ["https://pictures.example/of/"]'
    config = with_seed(tmp_path, "http://127.0.0.1/a/", elsewhere)
    with pytest.raises(ConfigError, match=r"pictures\.example"):
        refuse_strangers(config, config.sites)
    none = with_seed(tmp_path, "http://127.0.0.1/a/", f"requisites = []\n{elsewhere}")
    refuse_strangers(none, none.sites)


def test_a_folder_or_a_mirror_on_this_machine_is_no_stranger(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    source = 'source = "copy"\nstands_for = "https://www.example.org/"'
    folder = with_seed(tmp_path, "https://www.example.org/a.htm", source)
    assert folder.sites[0].source == str(tmp_path / "copy")
    assert addresses_asked(folder.sites[0]) == []
    mirror = with_seed(
        tmp_path, "https://www.example.org/a.htm", source.replace('"copy"', '"http://127.0.0.1:8/m/"')
    )
    assert set(addresses_asked(mirror.sites[0])) == {"http://127.0.0.1:8/m/", "http://127.0.0.1:8/m/a.htm"}
