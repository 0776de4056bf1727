import sys

from codman.cli.statement_text import print_measurements
from codman.spine.measurement import Measurement

AT = {"threshold": 0.2}
BETWEEN = {"by": ["sex"], "highest": {"sex": "M"}, "lowest": {"sex": "F"}, "family": "auroc_difference: 2 comparisons"}
MEASURED = [
    Measurement(metric="auroc", value=0.8312, lower=0.819, upper=0.843, level=0.95, n=7676, positives=932),
    Measurement(
        metric="sensitivity", slice={"sex": "[red]F"}, value=None, note="suppressed", params={"threshold": 0.2}
    ),
    Measurement(metric="auroc_difference", value=0.00001, params=BETWEEN),
    Measurement(metric="ks", feature="age", value=12345.6),
]


def test_a_pipe_gets_columns_that_line_up(capsys):
    print_measurements(MEASURED)
    lines = capsys.readouterr().out.splitlines()

    assert lines[1].split() == ["auroc", "everyone", "0.831", "0.819", "to", "0.843", "7,676", "932"]
    assert "sensitivity (threshold 0.2)" in lines[2]
    assert lines[2].endswith("suppressed")
    assert lines[3].startswith("auroc_difference  ")
    assert "between groups of sex" in lines[3]
    assert lines[3].endswith("highest sex=M, lowest sex=F")
    assert "1.0e-05" in lines[3]
    assert lines[4].split()[:5] == ["ks", "of", "age", "everyone", "12,346"]
    assert lines[0].index("value") + len("value") == lines[1].index("0.831") + len("0.831")


def test_a_number_has_its_unit_and_a_note_stays_whole(capsys):
    note = "no interval: with fewer than 30 patients with the event, or without it, it would not hold its level"
    print_measurements(
        [
            Measurement(metric="lead_time", value=16.0, params=AT),
            Measurement(metric="mae", value=3.2, note=note),
            Measurement(metric="ici", value=0.05, params={"expected_if_calibrated": 0.0061}),
        ]
    )
    _, lead, error, distance = capsys.readouterr().out.splitlines()

    assert lead.startswith("lead_time (hours; threshold 0.2)")
    assert error.startswith("mae (unit of the outcome)")
    assert error.endswith(note)
    assert distance.endswith("0.006 if the risks were right")


def test_a_terminal_gets_the_same_words_and_a_level_is_never_markup(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    print_measurements(MEASURED)
    out = capsys.readouterr().out
    assert "0.819 to 0.843" in out
    assert "sex=[red]F" in out


def test_no_color_is_plain_even_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    print_measurements(MEASURED)
    assert "\x1b" not in capsys.readouterr().out
