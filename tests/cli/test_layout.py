from codman.cli.layout import lines
from codman.report.document import Bullets, Column, Paragraph, Section, numbers, table

MANY = table(
    "t",
    "Ranking",
    [Column("Patients"), *numbers("Rows", "AUROC", "Calibration slope")],
    [
        ("Everyone", "4,000", "0.762 (0.740 to 0.782)", "0.650 (0.582 to 0.718)"),
        ("sex F · age band 40-64", "658", "0.693 (0.624 to 0.755)", "not shown"),
    ],
)


def laid(width, *blocks):
    return [line.text for line in lines([Section("s", "", blocks)], width)]


def test_an_interval_stands_beside_its_value_where_there_is_room():
    _, _, head, everyone, group = laid(120, MANY)

    assert head.split("  ")[0] == "Patients"
    assert everyone.endswith("4,000  0.762 (0.740 to 0.782)  0.650 (0.582 to 0.718)")
    assert group.startswith("sex F · age band 40-64    658")


def test_an_interval_stands_below_its_value_where_there_is_not():
    text = laid(60, MANY)

    assert max(map(len, text)) <= 60
    assert any(line.split() == ["Everyone", "4,000", "0.762", "0.650"] for line in text)
    assert any(line.split() == ["0.740", "to", "0.782", "0.582", "to", "0.718"] for line in text)


def test_columns_that_fit_nowhere_follow_in_a_second_table_with_the_groups_named_again():
    wide = table(
        "t",
        "Many",
        [Column("Patients"), *numbers(*"ABCDEF")],
        [("Everyone", *["0.762 (0.740 to 0.782)"] * 6)],
    )
    text = laid(80, wide)

    assert max(map(len, text)) <= 80
    assert [line.split()[0] for line in text if "0.762" in line] == ["Everyone", "Everyone"]
    assert sum(line.count("0.762") for line in text) == 6


def test_sentences_and_long_words_stay_within_the_width():
    text = laid(40, Paragraph("word " * 30), Bullets(("item " * 20, "x" * 90)))

    assert max(map(len, text)) <= 40
    assert sum(line.startswith("- ") for line in text) == 2
