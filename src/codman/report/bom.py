"""CycloneDX 1.6 ML-BOM of a use's product: one machine-learning model with its model card.

The format has no place for n, an interval's level or whose word a field is: those stand in names, in properties, and
whole in the signed statements that it points to. A field nobody answered is left out and named in a property.
Source: CycloneDX specification 1.6, component.modelCard.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final

from codman.registry.coverage import State
from codman.report import words
from codman.report.model_card_metrics import MOST, Sort, hidden_line, name_of, numbers
from codman.report.told import SMALL, Evaluation, Told
from codman.spine.measurement import Measurement

SPEC: Final = "1.6"
_NO_GROUP: Final[Mapping[str, str]] = {}
# the fields that the book answers: where each stands in the component, and which framework's field it is
_FIELDS: Final = {
    "supplier": ("chai-model-card", "BasicInfo/ModelDeveloper"),
    "version": ("chai-model-card", "ReleaseInfo/ReleaseVersion"),
    "description": ("chai-model-card", "ModelSummary/Summary"),
    "modelCard.modelParameters.modelArchitecture": ("chai-model-card", "TrustIngredients/AISystemFacts/ModelType"),
    "modelCard.considerations.users": ("hti-1", "2.iii"),
    "modelCard.considerations.useCases": ("hti-1", "2.i"),
    "modelCard.considerations.technicalLimitations": ("hti-1", "3.ii"),
    "modelCard.considerations.ethicalConsiderations": (
        "chai-model-card",
        "Warnings/KnownBiasesOrEthicalConsiderations",
    ),
}


def bom(told: Told) -> bytes:
    """The bill of materials as JSON that keeps the schema of CycloneDX 1.6."""
    serial = uuid.uuid5(uuid.NAMESPACE_URL, f"{told.log.origin}/{told.log.root.hex()}/{told.use.id}/{told.at}")
    body = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "timestamp": told.at,
            "tools": {"components": [{"type": "application", "name": "codman", "version": told.codman}]},
            "properties": [
                _property("codman:registry", told.log.origin),
                _property("codman:log:size", str(told.log.size)),
                _property("codman:log:root", f"sha256:{told.log.root.hex()}"),
                _property("codman:use", told.use.id),
                _property("codman:use:name", told.use.name),
                _property("codman:suppression", f"strict: {SMALL}"),
                *(_property("codman:left-out", said) for said in told.left_out),
            ],
        },
        "components": [_component(told)],
    }
    return (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()


def _component(told: Told) -> dict[str, Any]:
    version, vendor = told.version, told.vendor
    contact = [] if vendor is None or vendor.contact is None else [{"name": vendor.contact}]
    said = {
        "type": "machine-learning-model",
        "bom-ref": told.product.id if version is None else version.id,
        "supplier": None if vendor is None else _filled({"name": vendor.name, "contact": contact}),
        "name": told.product.name,
        "version": None if version is None else version.label,
        "description": told.product.summary,
        "hashes": [] if version is None or version.digest is None else [_hash(version.digest)],
        "externalReferences": [
            {
                "type": "evidence",
                "url": f"{told.address}/evidence/{one.digest}",
                "comment": one.line,
                "hashes": [_hash(one.digest)],
            }
            for one in told.statements
        ],
        "modelCard": _model_card(told),
        "properties": [
            *(_property(f"codman:descriptor:{name}", text) for name, text in _descriptor(told).items()),
            *(_property("codman:other-version", label) for label in told.others),
        ],
    }
    return _filled(said)


def _model_card(told: Told) -> dict[str, Any]:
    limits = [told.said("hti-1", name) for name in ("3.i", "3.ii")]
    bias = told.said("chai-model-card", "Warnings/KnownBiasesOrEthicalConsiderations")
    eased = told.said("hti-1", "5.ii")
    tasks = list(dict.fromkeys(one.predicate.spec.task for one in told.evaluations))
    parameters = {"task": ", ".join(tasks), "modelArchitecture": told.product.model_type}
    considerations = {
        "users": [told.use.users] if told.use.users else [],
        "useCases": [told.use.purpose] if told.use.purpose else [],
        "technicalLimitations": list(dict.fromkeys(filter(None, limits))),
        "ethicalConsiderations": [_filled({"name": bias, "mitigationStrategy": eased})] if bias else [],
    }
    return _filled(
        {
            "modelParameters": _filled(parameters),
            "quantitativeAnalysis": _filled({"performanceMetrics": list(_metrics(told))}),
            "considerations": _filled(considerations),
            "properties": list(_provenance(told)),
        }
    )


def _metrics(told: Told) -> Iterator[dict[str, Any]]:
    for evaluation in told.evaluations:
        for sort in Sort:
            for m in numbers(evaluation, sort)[:MOST]:
                yield _metric(m, evaluation)


def _metric(m: Measurement, evaluation: Evaluation) -> dict[str, Any]:
    about = [f"origin {evaluation.predicate.origin.value}"]
    about += [] if m.n is None else [f"n {m.n:,}"]
    about += [] if m.level is None else [f"interval {100 * m.level:.10g} %"]
    interval = {} if m.lower is None or m.upper is None else {"lowerBound": repr(m.lower), "upperBound": repr(m.upper)}
    plain = m.model_copy(update={"slice": _NO_GROUP})
    return _filled(
        {
            "type": f"{name_of(plain)} ({', '.join(about)})",
            "value": repr(m.value),
            "slice": words.group(m.slice) if m.slice else None,
            "confidenceInterval": interval,
        }
    )


def _provenance(told: Told) -> Iterator[dict[str, str]]:
    """Whose word each field is, the gaps, and what stands behind the numbers."""
    for place, (framework, field) in _FIELDS.items():
        answer = told.answers[framework, field]
        if answer.state is State.MISSING:
            yield _property("codman:gap", f"{place}: {told.gap}")
        else:
            yield _property("codman:rests-on", f"{place}: {answer.state.value} ({answer.source or 'no source'})")
    if not told.evaluations:
        yield _property("codman:gap", f"modelCard.quantitativeAnalysis: {told.gap}")
    for one in told.evaluations:
        yield _property("codman:evaluation", one.cited.line)
        if line := hidden_line(one):
            yield _property("codman:not-shown", line)


def _descriptor(told: Told) -> Mapping[str, str]:
    return {} if told.version is None or told.version.descriptor is None else told.version.descriptor


def _property(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


def _hash(digest: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": digest}


def _filled(said: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is empty: the schema has no null."""
    return {key: value for key, value in said.items() if value not in (None, "", [], {})}
