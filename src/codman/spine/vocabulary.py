"""The dictionary of metric names: meaning, unit, range, which way is better, whether a policy may bound it.

A policy can be checked against this file without an engine. Never two names for one thing.
To add a metric: one Word here, one function in evaluate/metrics/.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from codman.errors import BadInput, nearest


class Better(StrEnum):
    """Which way a number improves."""

    HIGHER = "higher"
    LOWER = "lower"
    NEAR_ZERO = "near zero"
    NEAR_ONE = "near one"
    NEITHER = "neither"  # describes the patients or the workload, not the model's merit


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What one metric name means."""

    name: str
    label: str  # as a sentence says it: "AUROC", "sensitivity"
    meaning: str  # one line for a clinician
    family: str  # binary, multiclass, regression, survival, uncertainty, comparison, drift, process, quality
    low: float | None  # smallest possible value; None is unbounded
    high: float | None
    better: Better
    unit: str = ""  # "" is a plain number
    needs: tuple[str, ...] = ()  # params that must be named for it to be one number: threshold, horizon
    boundable: bool = True  # False: a policy may not bound it, and `why_not` says why
    why_not: str = ""
    mixes_prevalence: bool = False  # a difference between groups also reflects how common the event is in each


# what other tools and papers call them: suggested, never accepted, so that one thing keeps one name
_ELSEWHERE: Final = {
    "auc": "auroc",
    "roc_auc": "auroc",
    "c_statistic": "auroc",
    "pr_auc": "auprc",
    "average_precision": "auprc",
    "recall": "sensitivity",
    "tpr": "sensitivity",
    "tnr": "specificity",
    "precision": "ppv",
    "nne": "number_needed_to_evaluate",
    "brier_score": "brier",
    "cindex": "cindex_harrell",
    "c_index": "cindex_harrell",
    "concordance": "cindex_harrell",
}


class UnknownMetric(BadInput):
    """A name that is not in the vocabulary."""

    def __init__(self, name: str) -> None:
        super().__init__(
            what=f"unknown metric {name!r}",
            why="it is not in the vocabulary",
            fix=_nearest_metric(name),
        )


def _nearest_metric(name: str) -> str:
    """A clause that suggests the vocabulary's own name, or the derived name with each ending once."""
    if name.lower() in _ELSEWHERE:
        return f"did you mean {_ELSEWHERE[name.lower()]!r}?"
    first = last = ""
    of = name
    while of.startswith(ESTIMATED):
        of, first = of.removeprefix(ESTIMATED), ESTIMATED
    while of not in WORDS and (ending := next((one for one in ENDINGS if of.endswith(one)), "")):
        of, last = of.removesuffix(ending), ending
    return f"did you mean {first + of + last!r}?" if of in WORDS and (first or last) else nearest(name, WORDS)


_BIASED = "it is biased upward in small samples and has no valid interval; bound calibration_slope or oe_ratio instead"


def _word(  # one line a word keeps the dictionary readable
    name: str,
    label: str,
    meaning: str,
    family: str,
    span: tuple[float | None, float | None],
    better: Better,
    *,
    unit: str = "",
    needs: tuple[str, ...] = (),
    why_not: str = "",
    mixes_prevalence: bool = False,
) -> Word:
    return Word(
        name=name,
        label=label,
        meaning=meaning,
        family=family,
        low=span[0],
        high=span[1],
        better=better,
        unit=unit,
        needs=needs,
        boundable=not why_not,
        why_not=why_not,
        mixes_prevalence=mixes_prevalence,
    )


_UP, _DOWN, _ZERO, _ONE, _FLAT = Better.HIGHER, Better.LOWER, Better.NEAR_ZERO, Better.NEAR_ONE, Better.NEITHER
_SHARE, _POSITIVE, _ANY, _SIGNED = (0.0, 1.0), (0.0, None), (None, None), (-1.0, 1.0)
_AT = ("threshold",)
_BY = ("horizon",)

# fmt: off
_ALL: Final[tuple[Word, ...]] = (
    # binary: ranking and probability
    _word("auroc", "AUROC", "Chance that a patient with the event scores above one without", "binary", _SHARE, _UP),
    _word("auprc", "AUPRC", "Average precision: mean PPV over the patients with the event, from the highest score down", "binary", _SHARE, _UP, mixes_prevalence=True),
    _word("brier", "Brier score", "Mean squared distance between the stated risk and what happened", "binary", _SHARE, _DOWN, mixes_prevalence=True),
    _word("brier_skill", "Brier skill", "Brier score's improvement over telling everyone the prevalence", "binary", (None, 1.0), _UP, mixes_prevalence=True),
    _word("log_loss", "log loss", "Mean surprise at what happened, natural log", "binary", _POSITIVE, _DOWN, mixes_prevalence=True),
    _word("prevalence", "prevalence", "Share of patients with the event", "binary", _SHARE, _FLAT),
    # binary: at a threshold
    _word("sensitivity", "sensitivity", "Share of patients with the event who are flagged (recall)", "binary", _SHARE, _UP, needs=_AT),
    _word("specificity", "specificity", "Share of patients without the event who are not flagged", "binary", _SHARE, _UP, needs=_AT),
    _word("ppv", "PPV", "Share of flagged patients who have the event (precision)", "binary", _SHARE, _UP, needs=_AT, mixes_prevalence=True),
    _word("npv", "NPV", "Share of patients not flagged who stay free of the event", "binary", _SHARE, _UP, needs=_AT, mixes_prevalence=True),
    _word("accuracy", "accuracy", "Share of patients judged rightly", "binary", _SHARE, _UP, needs=_AT, mixes_prevalence=True),
    _word("balanced_accuracy", "balanced accuracy", "Mean of sensitivity and specificity; over classes, mean recall", "binary", _SHARE, _UP, needs=_AT),
    _word("f1", "F1", "Harmonic mean of PPV and sensitivity", "binary", _SHARE, _UP, needs=_AT, mixes_prevalence=True),
    _word("mcc", "MCC", "Correlation between flag and event (Matthews)", "binary", _SIGNED, _UP, needs=_AT, mixes_prevalence=True),
    _word("alert_rate", "alert rate", "Share of patients who are flagged", "binary", _SHARE, _FLAT, needs=_AT),
    _word("number_needed_to_evaluate", "number needed to evaluate", "Flagged patients a clinician sees for each one with the event", "binary", (1.0, None), _DOWN, unit="patients", needs=_AT, mixes_prevalence=True),
    _word("likelihood_ratio_positive", "positive likelihood ratio", "How much a flag raises the odds of the event", "binary", _POSITIVE, _UP, needs=_AT),
    _word("likelihood_ratio_negative", "negative likelihood ratio", "How much the absence of a flag lowers the odds of the event", "binary", _POSITIVE, _DOWN, needs=_AT),
    _word("net_benefit", "net benefit", "True positives per patient, less false positives at the threshold's odds", "binary", (None, 1.0), _UP, needs=_AT, mixes_prevalence=True),
    _word("standardized_net_benefit", "standardised net benefit", "Net benefit as a share of the most it could be", "binary", (None, 1.0), _UP, needs=_AT, mixes_prevalence=True),
    _word("interventions_avoided", "interventions avoided", "Net interventions spared per patient, against treating everyone", "binary", (None, 1.0), _UP, needs=_AT, mixes_prevalence=True),
    _word("lead_time", "lead time", "Time from the first alert to the onset, in patients alerted before it", "binary", _ANY, _UP, unit="hours", needs=_AT),
    _word("alerts_per_100_patient_days", "alerts per 100 patient-days", "How often staff are alerted", "binary", _POSITIVE, _DOWN, unit="alerts", needs=_AT),
    # binary: calibration
    _word("oe_ratio", "O:E ratio", "Events that happened over events foretold", "binary", _POSITIVE, _ONE),
    _word("calibration_slope", "calibration slope", "1 when risks are as spread out as they should be; below 1 they are too extreme", "binary", _ANY, _ONE),
    _word("calibration_intercept", "calibration intercept", "0 when risks are right on average; above 0 they are too low", "binary", _ANY, _ZERO, unit="log odds"),
    _word("ece", "ECE", "Mean distance between stated and observed risk over bins", "binary", _SHARE, _DOWN, why_not=_BIASED),
    _word("ici", "ICI", "Mean distance between stated and smoothed observed risk", "binary", _SHARE, _DOWN, why_not=_BIASED),
    _word("e50", "E50", "Median distance between stated and smoothed observed risk", "binary", _SHARE, _DOWN, why_not=_BIASED),
    _word("e90", "E90", "Ninetieth percentile of the distance between stated and smoothed observed risk", "binary", _SHARE, _DOWN, why_not=_BIASED),
    _word("spiegelhalter_z", "Spiegelhalter's z", "Test of calibration: about standard normal when risks are right", "binary", _ANY, _ZERO),
    # multiclass
    _word("macro_auroc", "macro AUROC", "Mean over classes of the one-against-rest AUROC", "multiclass", _SHARE, _UP),
    _word("macro_f1", "macro F1", "Mean over classes of F1", "multiclass", _SHARE, _UP, mixes_prevalence=True),
    _word("cohen_kappa", "Cohen's kappa", "Agreement beyond chance", "multiclass", _SIGNED, _UP, mixes_prevalence=True),
    # regression
    _word("mae", "MAE", "Mean absolute error", "regression", _POSITIVE, _DOWN, unit="of the outcome"),
    _word("rmse", "RMSE", "Root mean squared error", "regression", _POSITIVE, _DOWN, unit="of the outcome"),
    _word("r2", "R squared", "Share of the outcome's variance explained", "regression", (None, 1.0), _UP),
    _word("bias", "bias", "Mean of predicted minus observed", "regression", _ANY, _ZERO, unit="of the outcome"),
    _word("limits_of_agreement_lower", "lower limit of agreement", "Below it lie 2.5 % of the differences, predicted minus observed", "regression", _ANY, _ZERO, unit="of the outcome"),
    _word("limits_of_agreement_upper", "upper limit of agreement", "Above it lie 2.5 % of the differences, predicted minus observed", "regression", _ANY, _ZERO, unit="of the outcome"),
    # survival
    _word("cindex_harrell", "Harrell's C", "Chance that of two comparable patients the higher risk fails first", "survival", _SHARE, _UP),
    _word("cindex_ipcw", "IPCW C", "Harrell's C freed of the censoring pattern (Uno)", "survival", _SHARE, _UP),
    _word("auroc_t", "AUROC at the horizon", "Cumulative/dynamic AUROC: events by the horizon against those still free of it", "survival", _SHARE, _UP, needs=_BY),
    _word("brier_t", "Brier score at the horizon", "Squared distance of stated survival from what happened by the horizon, weighted for censoring", "survival", _POSITIVE, _DOWN, needs=_BY),
    _word("integrated_brier", "integrated Brier score", "Mean over the horizons of the Brier score", "survival", _POSITIVE, _DOWN),
    _word("oe_ratio_t", "O:E ratio at the horizon", "Observed over expected events by the horizon", "survival", _POSITIVE, _ONE, needs=_BY),
    _word("calibration_slope_t", "calibration slope at the horizon", "1 when risks by the horizon are as spread out as they should be", "survival", _ANY, _ONE, needs=_BY),
    # uncertainty
    _word("coverage", "coverage", "Share of patients whose outcome lies in the stated set or interval", "uncertainty", _SHARE, _UP),
    _word("set_size", "set size", "Mean number of classes in the stated set, or width of the interval", "uncertainty", _POSITIVE, _DOWN),
    _word("selective_risk", "selective risk", "Error rate among the patients the model did not abstain on", "uncertainty", _SHARE, _DOWN),
    _word("aurc", "AURC", "Mean error rate over all shares of patients kept, most confident first", "uncertainty", _SHARE, _DOWN),
    _word("abstention_rate", "abstention rate", "Share of patients the model declines to judge", "uncertainty", _SHARE, _DOWN),
    # between versions
    _word("mcnemar", "McNemar's test", "Whether two models differ in which patients they judge rightly; value is the odds ratio of discordance", "comparison", _POSITIVE, _ONE, needs=_AT),
    # drift
    _word("ks", "KS distance", "Largest gap between two distributions", "drift", _SHARE, _DOWN),
    _word("psi", "PSI", "Population stability index", "drift", _POSITIVE, _DOWN),
    _word("js_distance", "Jensen–Shannon distance", "Distance between two distributions, base 2", "drift", _SHARE, _DOWN),
    _word("wasserstein", "Wasserstein distance", "Mean distance values must move to turn one distribution into the other", "drift", _POSITIVE, _DOWN, unit="of the column"),
    _word("hellinger", "Hellinger distance", "Distance between two distributions by the roots of their shares", "drift", _SHARE, _DOWN),
    _word("chi2", "chi-square", "Test that category shares are equal, without continuity correction", "drift", _POSITIVE, _DOWN),
    _word("mmd", "MMD", "Maximum mean discrepancy: distance between two samples in a kernel space", "drift", _POSITIVE, _DOWN),
    _word("domain_auroc", "domain AUROC", "How well a classifier tells the current rows from the reference rows", "drift", _SHARE, _DOWN),
    _word("reconstruction_error", "reconstruction error", "How badly the reference's principal components rebuild the current rows", "drift", _POSITIVE, _DOWN),
    _word("missing_rate_difference", "missing-rate difference", "Current share of missing values minus the reference's", "drift", _SIGNED, _ZERO),
    # process: what staff do with a score
    _word("action_rate", "action rate", "Share of the scores staff could see on which they acted", "process", _SHARE, _FLAT),
    _word("override_rate", "override rate", "Share of alerts that staff overrode", "process", _SHARE, _FLAT, needs=_AT),
    _word("time_to_action", "time to action", "Median time from an alert to the action on it, where there was one", "process", _POSITIVE, _DOWN, unit="hours", needs=_AT),
    # quality
    _word("missing_rate", "missing rate", "Share of rows without a value", "quality", _SHARE, _DOWN),
    _word("out_of_range_rate", "out-of-range rate", "Share of values outside what is plausible", "quality", _SHARE, _DOWN),
    _word("duplicate_rate", "duplicate rate", "Share of rows that repeat another", "quality", _SHARE, _DOWN),
    _word("unit_error_rate", "unit-error rate", "Share of values that look like another unit's", "quality", _SHARE, _DOWN),
    _word("timeliness_days", "timeliness", "Days from what happened to its arrival in the data", "quality", _POSITIVE, _DOWN, unit="days"),
)
# fmt: on

WORDS: Final[dict[str, Word]] = {word.name: word for word in _ALL}

DIFFERENCE, RATIO, CHANGE, ESTIMATED = "_difference", "_ratio", "_change", "estimated_"
ENDINGS: Final = (DIFFERENCE, RATIO, CHANGE)


def word(name: str) -> Word:
    """The meaning of a metric name, derived names included.

    `<metric>_difference` and `<metric>_ratio` compare groups, `<metric>_change` compares versions (B minus A),
    `estimated_<metric>` is an estimate without labels, of a metric or of what compares it. Nothing is derived twice the
    same way: there is no `estimated_estimated_auroc` and no `auroc_difference_difference`.

    Raises:
        UnknownMetric: Neither the name nor what it derives from is in the vocabulary.
    """
    if name in WORDS:
        return WORDS[name]
    if name.startswith(ESTIMATED):
        if name.startswith(ESTIMATED * 2):
            raise UnknownMetric(name)
        of = word(name.removeprefix(ESTIMATED))
        return replace(of, name=name, label=f"estimated {of.label}", meaning=f"{of.meaning}, estimated without labels")
    if name.endswith(DIFFERENCE):
        of = _base(name, DIFFERENCE)
        width = None if of.low is None or of.high is None else of.high - of.low
        return replace(
            of,
            name=name,
            label=f"difference in {of.label}",
            meaning=f"{of.label}: largest group minus smallest",
            low=None if width is None else -width,  # signed when a reference group is named
            high=width,
            better=Better.NEAR_ZERO,
        )
    if name.endswith(RATIO):
        of = _base(name, RATIO)
        return replace(
            of,
            name=name,
            label=f"ratio of {of.label}",
            meaning=f"{of.label}: smallest group over largest",
            low=0.0,
            high=None,
            better=Better.NEAR_ONE,
        )
    if name.endswith(CHANGE):
        of = _base(name, CHANGE)
        better = of.better if of.better in (Better.HIGHER, Better.LOWER) else Better.NEAR_ZERO
        return replace(
            of,
            name=name,
            label=f"change in {of.label}",
            meaning=f"{of.label}: B minus A",
            low=None,
            high=None,
            better=better,
        )
    raise UnknownMetric(name)


def _base(name: str, suffix: str) -> Word:
    of = name.removesuffix(suffix)
    if of not in WORDS:
        raise UnknownMetric(name)
    return WORDS[of]
