from codman.spine.measurement import Measurement


def test_a_measurement_prints_as_a_sentence_says_it():
    m = Measurement(metric="auroc", value=0.712, lower=0.691, upper=0.731, level=0.95, n=2872, positives=923)
    assert str(m) == "AUROC 0.712 (0.691 to 0.731), n 2,872, 923 events"


def test_its_group_and_parameters_come_before_the_number():
    m = Measurement(metric="sensitivity", slice={"sex": "F"}, value=0.5, params={"threshold": 0.2, "by": ["x"]})
    assert str(m) == "sensitivity, threshold 0.2, sex F, 0.500"


def test_without_a_value_it_says_why_and_what_it_does_not_know_it_names_as_it_stands():
    assert str(Measurement(metric="new_one", value=None, note="suppressed")) == "new_one no value: suppressed"
    assert repr(Measurement(metric="auroc", value=0.5)).startswith("Measurement(metric='auroc'")
