"""The report as PDF: tagged, archivable, the evidence inside, the same bytes every time."""

from __future__ import annotations

from pathlib import Path

import pytest
import report_cohort as made
from pypdf import PdfReader

from codman.report.coverage import characters, printable
from codman.report.make import write_report
from codman.report.pdf import FONT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pdf")
    write_report(made.written(folder, made.statement()), folder / "x.pdf")
    return folder


@pytest.fixture(scope="module")
def reader(folder: Path) -> PdfReader:
    return PdfReader(folder / "x.pdf")


def test_the_pdf_is_tagged_with_a_language_and_a_title(reader: PdfReader) -> None:
    root = reader.trailer["/Root"]
    assert bool(root["/MarkInfo"]["/Marked"])
    assert "/StructTreeRoot" in root
    assert root["/Lang"].startswith("en")
    assert bool(root["/ViewerPreferences"]["/DisplayDocTitle"])
    assert reader.metadata is not None
    assert reader.metadata.title == "flc-mortality 1.2.0, olmsted-clinic · Evaluation · 20 November 2026"


def test_the_pdf_says_that_it_keeps_pdf_a_3a_and_pdf_ua_1(reader: PdfReader) -> None:
    stated = reader.trailer["/Root"]["/Metadata"].get_data().decode()
    assert "<pdfaid:part>3</pdfaid:part>" in stated
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in stated
    assert "<pdfuaid:part>1</pdfuaid:part>" in stated


def test_every_drawing_has_words_in_its_tag(reader: PdfReader) -> None:
    words = []

    def walk(node: object) -> None:
        node = node.get_object() if hasattr(node, "get_object") else node
        if isinstance(node, list):
            for one in node:
                walk(one)
        elif isinstance(node, dict):
            if node.get("/S") == "/Figure":
                words.append(str(node.get("/Alt", "")))
            if "/K" in node:
                walk(node["/K"])

    walk(reader.trailer["/Root"]["/StructTreeRoot"])
    assert len(words) >= 8
    assert all(len(one) > 40 for one in words)


def test_the_evidence_is_attached_byte_for_byte(folder: Path, reader: PdfReader) -> None:
    assert list(reader.attachments) == ["evaluation.json"]
    assert reader.attachments["evaluation.json"] == [(folder / "evaluation.json").read_bytes()]


def test_the_same_statement_gives_the_same_bytes(folder: Path) -> None:
    write_report(folder / "evaluation.json", folder / "again.pdf")
    assert (folder / "again.pdf").read_bytes() == (folder / "x.pdf").read_bytes()


def test_every_font_is_inside_the_file(reader: PdfReader) -> None:
    names = set()
    for page in reader.pages:
        for font in page["/Resources"]["/Font"].values():
            inner = font.get_object()["/DescendantFonts"][0].get_object()
            descriptor = inner["/FontDescriptor"].get_object()
            assert {"/FontFile2", "/FontFile3"} & set(descriptor)
            names.add(str(descriptor["/FontName"]))
    assert any("IBMPlexSans" in name for name in names)


def test_the_words_can_be_read_out_of_the_pdf(reader: PdfReader) -> None:
    text = " ".join(reader.pages[0].extract_text().split())
    assert "What is not known" in text
    assert "3 groups too small to show" in text


def test_markup_in_a_statement_stays_plain_words(tmp_path: Path) -> None:
    evil = '#read("/etc/passwd") = Heading $x$ *b* @y <z> \\ #pagebreak() /* c */'
    statement = made.statement(data=made.cohort(400), by=[["sex"]], product="p" * 150, use=evil)
    write_report(made.written(tmp_path, statement), tmp_path / "x.pdf")
    text = " ".join("".join(p.extract_text() for p in PdfReader(tmp_path / "x.pdf").pages).split())
    assert '#read("/etc/passwd") = Heading $x$ *b* @y <z> \\ #pagebreak() /* c */' in text


def test_letters_that_no_shipped_font_has_are_written_as_numbers(tmp_path: Path) -> None:
    statement = made.statement(data=made.cohort(400), by=[["sex"]], product="心臓 ♥ Ångström Жизнь\u0007")
    document = write_report(made.written(tmp_path, statement), tmp_path / "x.pdf")
    assert document.title.startswith("心臓")
    text = PdfReader(tmp_path / "x.pdf").pages[0].extract_text()
    assert "[U+5FC3][U+81D3]" in text
    assert "Ångström Жизнь" in text


def test_the_type_face_is_known_to_have_the_signs_that_reports_use() -> None:
    have = characters(FONT)
    assert all(ord(sign) in have for sign in "✓×?–−·…≥≤→%’“”")
    assert printable({"a": ["x\u4e2d", 3]}, FONT) == {"a": ["x[U+4E2D]", 3]}
