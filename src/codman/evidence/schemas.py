"""What each kind of statement may say: its model, its JSON Schema, and no patients' rows.

To add a kind: its predicate in spine/, one line in PREDICATES.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from codman.errors import BadInput
from codman.evidence.consistency import refuse_contradictions
from codman.spine.comparison_statement import ComparisonPredicate
from codman.spine.engine_statements import (
    DatasetPredicate,
    MonitoringPredicate,
    ScanPredicate,
    SimulationPredicate,
    StressPredicate,
    TrainingPredicate,
)
from codman.spine.record_statements import (
    ConcernPredicate,
    CriteriaPredicate,
    DecisionPredicate,
    DocumentPredicate,
    ReportPredicate,
)
from codman.spine.statement import EvaluationPredicate, Kind, Statement

PREDICATES: Final[Mapping[Kind, type[BaseModel]]] = {
    Kind.CRITERIA: CriteriaPredicate,
    Kind.DATASET: DatasetPredicate,
    Kind.TRAINING: TrainingPredicate,
    Kind.EVALUATION: EvaluationPredicate,
    Kind.COMPARISON: ComparisonPredicate,
    Kind.STRESS: StressPredicate,
    Kind.SIMULATION: SimulationPredicate,
    Kind.SCAN: ScanPredicate,
    Kind.MONITORING: MonitoringPredicate,
    Kind.DOCUMENT: DocumentPredicate,
    Kind.DECISION: DecisionPredicate,
    Kind.REPORT: ReportPredicate,
    Kind.CONCERN: ConcernPredicate,
}

SCHEMA_ROOT: Final = "https://codman.dev/schemas/"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

# A number per patient has no place in evidence. Measurements and curves are long because slices are many; anything else
# that is long is a list of patients.
MEASUREMENTS_MAX: Final = 100_000
CURVES_MAX: Final = 20_000
LIST_MAX: Final = 1_000
PARAMS_MAX: Final = 64
TEXT_MAX: Final = 20_000
_LONG: Final = {"measurements": MEASUREMENTS_MAX, "curves": CURVES_MAX}


class BadPredicate(BadInput):
    """A statement that does not say what its kind must say."""

    def __init__(self, name: str, kind: Kind, place: str, why: str) -> None:
        super().__init__(
            what=f"{name} does not keep the {kind.value} schema",
            why=f"{place}: {why}" if place else why,
            fix=f"see what it may hold: codman evidence schema {kind.value}",
        )


class RowLevelData(BadInput):
    """A statement that would carry a value per patient."""

    def __init__(self, name: str, place: str, length: int, at_most: int) -> None:
        super().__init__(
            what=f"{name} carries row-level data, which evidence may never do",
            why=f"{place} holds {length:,} values; at most {at_most:,} are allowed there",
            fix="give measurements about groups of patients, and curves on a fixed grid",
        )


def check(kind: Kind, predicate: Mapping[str, Any], *, name: str) -> BaseModel:
    """Hold a predicate against its kind's model.

    Args:
        kind: What the statement is about.
        predicate: What it says, as plain JSON types.
        name: What to call it in an error, usually the file's name.

    Returns:
        The predicate as its model.

    Raises:
        BadPredicate: A field is missing, unknown, or of the wrong type or range.
        RowLevelData: It carries a list long enough to be patients.
        Contradiction: Its numbers cannot all be true.
    """
    refuse_rows(predicate, name=name)
    try:
        model = PREDICATES[kind].model_validate(predicate)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])[:200]
        raise BadPredicate(name, kind, place, first["msg"][:500]) from None
    refuse_contradictions(model, name=name)
    return model


def refuse_rows(predicate: Mapping[str, Any], *, name: str) -> None:
    """Refuse a predicate that carries a value per patient.

    Raises:
        RowLevelData: A list, an object or a text is longer than groups of patients need.
    """
    for field, value in predicate.items():
        if field == "measurements" and isinstance(value, (list, tuple)):
            _within(value, MEASUREMENTS_MAX, name, field)
            for number, row in enumerate(value):
                if isinstance(row, Mapping):
                    for key, inner in row.items():
                        # scalars first: there are ten to a row and they cannot be long
                        if inner.__class__ in _SHORT or not inner:
                            continue
                        _refuse(inner, PARAMS_MAX, name, f"measurements.{number}.{key}")
        elif field == "curves" and isinstance(value, Mapping):
            for key, curves in value.items():
                if isinstance(curves, (list, tuple)):
                    _within(curves, CURVES_MAX, name, f"curves.{key}")  # the points of each: spine's Curve
        else:
            _refuse(value, LIST_MAX, name, field)


_SHORT: Final = frozenset({int, float, bool, type(None)})


def _refuse(value: Any, at_most: int, name: str, place: str) -> None:
    if isinstance(value, str):
        _within(value, TEXT_MAX, name, place)
    elif isinstance(value, Mapping):
        _within(value, at_most, name, place)
        for key, inner in value.items():
            if inner.__class__ not in _SHORT:
                _refuse(inner, at_most, name, f"{place}.{key}"[:200])
    elif isinstance(value, (list, tuple)):
        _within(value, LIST_MAX if _groups(value) else at_most, name, place)
        for inner in value:
            if inner.__class__ not in _SHORT:
                _refuse(inner, at_most, name, place)


def _groups(values: Sequence[Any]) -> bool:
    """Whether these are groups of patients by the words that name them: a fairness result names every one."""
    return all(isinstance(one, Mapping) and one and all(map(_words, one.values())) for one in values)


def _words(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(inner, str) for inner in value.values())
    return isinstance(value, str)


def _within(value: Any, at_most: int, name: str, place: str) -> None:
    if len(value) > at_most:
        raise RowLevelData(name, place, len(value), at_most)


@cache
def _schema(kind: Kind) -> dict[str, Any]:
    predicate = PREDICATES[kind].model_json_schema(mode="validation", ref_template="#/$defs/{model}")
    shared = predicate.pop("$defs", {})
    statement = Statement.model_json_schema(mode="validation", ref_template="#/$defs/{model}")
    shared |= statement.pop("$defs", {})
    shared["Predicate"] = predicate
    shared["Small"] = {
        "description": "A value that names something: never a value per patient",
        "anyOf": [
            {"type": ["null", "boolean", "number"]},
            {"type": "string", "maxLength": TEXT_MAX},
            {"type": "array", "maxItems": PARAMS_MAX, "items": {"$ref": "#/$defs/Small"}},
            {"type": "array", "maxItems": LIST_MAX, "items": {"$ref": "#/$defs/Group"}},
            {"type": "object", "maxProperties": PARAMS_MAX, "additionalProperties": {"$ref": "#/$defs/Small"}},
        ],
    }
    shared["Group"] = {
        "description": "A group of patients by the levels that name it; every group that could not be judged is named",
        "type": "object",
        "minProperties": 1,
        "maxProperties": PARAMS_MAX,
        "additionalProperties": {
            "anyOf": [
                {"type": "string", "maxLength": TEXT_MAX},
                {"type": "object", "additionalProperties": {"type": "string", "maxLength": TEXT_MAX}},
            ]
        },
    }
    shared["Free"] = {
        "description": "Plain JSON with no long list",
        "anyOf": [
            {"type": ["null", "boolean", "number"]},
            {"type": "string", "maxLength": TEXT_MAX},
            {"type": "array", "maxItems": LIST_MAX, "items": {"$ref": "#/$defs/Free"}},
            {"type": "object", "maxProperties": LIST_MAX, "additionalProperties": {"$ref": "#/$defs/Free"}},
        ],
    }
    statement["properties"]["predicateType"] = {"const": kind.predicate_type}
    statement["properties"]["predicate"] = {"$ref": "#/$defs/Predicate"}
    statement["properties"]["subject"]["maxItems"] = LIST_MAX
    statement["description"] = (PREDICATES[kind].__doc__ or "").strip()
    statement["required"] = sorted({"_type", *statement["required"]})
    for model, definition in shared.items():
        if model not in ("Small", "Group", "Free"):
            _bound(definition, model)
    return {
        "$schema": DIALECT,
        "$id": f"{SCHEMA_ROOT}{kind.value}/v1.json",
        **statement,
        "title": f"Codman {kind.value} statement, version 1",
        "$defs": dict(sorted(shared.items())),
    }


def schema(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of a kind of statement, whole: the in-toto frame and what the predicate may say.

    Source: JSON Schema 2020-12; generated from the pydantic models, with every list bounded.
    """
    return dict(_schema(kind))


def _bound(definition: Any, model: str, field: str = "") -> None:
    """Give every list, object and text in a generated schema the bound that `refuse_rows` holds it to."""
    if isinstance(definition, list):
        for inner in definition:
            _bound(inner, model, field)
        return
    if not isinstance(definition, dict):
        return
    most = PARAMS_MAX if model == "Measurement" else LIST_MAX
    if definition.get("type") == "array":
        definition.setdefault("maxItems", CURVES_MAX if model == "Curves" else _LONG.get(field, most))
    if definition.get("type") == "string":
        definition.setdefault("maxLength", TEXT_MAX)
    if definition.get("type") == "object" and "properties" not in definition:
        definition.setdefault("maxProperties", most)
        if definition.get("additionalProperties", True) is True:
            definition["additionalProperties"] = {"$ref": f"#/$defs/{'Small' if model == 'Measurement' else 'Free'}"}
    for key, inner in definition.items():
        if key == "properties":
            for name, one in inner.items():
                _bound(one, model, name)
        elif key in ("items", "anyOf", "oneOf", "allOf", "additionalProperties"):
            _bound(inner, model, field)
