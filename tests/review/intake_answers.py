"""A proposed use as somebody would type it: a bought sepsis alert for adult wards, every question answered."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from codman.review.intake.question import NONE, NOT_KNOWN, Kind, Question, current_form

SEPSIS: dict[str, Any] = {
    "name": "Sepsis alert, adult wards",
    "purpose": "Tells the ward nurse which adults may be turning septic, so that antibiotics start earlier",
    "product_name": "EarlyWatch",
    "kind": "bought",
    "vendor": "Northwind Health",
    "version": "3.1",
    "generative": "no",
    "model_type": "gradient-boosted trees",
    "owner": "person-0001",
    "site": "north",
    "care_setting": "inpatient",
    "users": "ward nurse",
    "patient_facing": "no",
    "clinical": "yes",
    "population": "Adults on medical and surgical wards",
    "groups": ["none"],
    "patients_a_year": "8,000",
    "output": "A risk from 0 to 1 every four hours, and an alert above 0.2",
    "output_type": "prediction",
    "decision_role": "informs",
    "autonomy": "person-decides",
    "significance": "drive",
    "condition_state": "serious",
    "principal_basis": "no",
    "decides_on": ["none"],
    "device": "exempt-support",
    "learns": "no",
    "trained": "yes",
    "demographic_inputs": ["age", "sex"],
    "mitigation": "Sensitivity is compared between sexes and age bands every quarter",
    "data_leaves": "no",
    "generalisable": "no",
    "allocates_patients": "no",
    "in_eu": "no",
    "risks": "Alert fatigue; misses patients on immunosuppression",
    "cautions": "Children, pregnancy, palliative care",
    "alert_destination": "the nurse's worklist",
    "downtime_procedure": "Screen with the paper score every four hours",
    "monitoring": "Alerts and outcomes every month",
    "already_running": "no",
    "planned_start": "2027-03-01",
    "urgency": "ordinary",
}


def without(*questions: str) -> dict[str, Any]:
    """The proposal with some answers left out."""
    return {id_: typed for id_, typed in SEPSIS.items() if id_ not in questions}


def _typed(question: Question) -> st.SearchStrategy[Any]:
    good: st.SearchStrategy[Any]
    match question.kind:
        case Kind.CHOICE:
            good = st.sampled_from([choice.id for choice in question.choices])
        case Kind.MANY:
            ids = st.sampled_from([choice.id for choice in question.choices])
            good = st.lists(ids, min_size=1, max_size=4, unique=True) | st.just([NONE])
        case Kind.YES_NO:
            good = st.sampled_from(["yes", "no", True, False])
        case Kind.NUMBER:
            good = st.integers(0, 200_000).map(str)
        case Kind.DATE:
            good = st.dates().map(str)
        case Kind.PERSON | Kind.PRODUCT | Kind.SITE:
            good = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
        case _:
            good = st.text(max_size=40)
    return good | st.just(NOT_KNOWN) if question.not_known else good


ANY_ANSWERS = st.fixed_dictionaries({}, optional={q.id: _typed(q) for q in current_form().questions})
