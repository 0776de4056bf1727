"""CHAI Applied Model Cards, XML, v0.1 and v0.2: read as one row, and written again.

Headings are the paths of the card's leaves, e.g. `BasicInfo/ModelName`. Several values of one leaf stand one a line, so
a metric's `Label` and `ValueJson` keep each other's order. What a card says is its developer's claim, numbers too.
Where a generated card says that something is not stated, nothing is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from xml.etree.ElementTree import Element, ParseError, SubElement, indent, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from codman.registry.documents import is_gap
from codman.registry.imports.json_files import table_of_rows
from codman.registry.imports.table import Table, UnreadableList

ROOT: Final = "AppliedModelCard"
VERSION: Final = "schema"  # the column that says which edition of the card it was
LISTS: Final = frozenset({"EHR", "Keyword"})
_NAMESPACE: Final = re.compile(r"^\{https://mc\.chai\.org/(v\d+(?:\.\d+)*)/schema\.xsd\}" + ROOT + "$")
_LARGEST: Final = 4 << 20  # bytes; its elements take 30 times that in memory
_SIGNATURE: Final = "http://www.w3.org/2000/09/xmldsig#"
_EDITIONS: Final = ("v0.1", "v0.2")


def read_card(body: bytes, name: str) -> Table:
    """A card as a table of one row.

    Raises:
        UnreadableList: It is no XML, is another document, or an edition that is not known.
    """
    if len(body) > _LARGEST:
        raise UnreadableList(name, f"a card is no larger than {_LARGEST >> 20} MiB")
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise UnreadableList(name, f"it is no plain XML ({type(error).__name__})") from None
    found = _NAMESPACE.match(root.tag)
    if found is None:
        raise UnreadableList(name, f"its root is no CHAI {ROOT}", "give a card of https://mc.chai.org, v0.1 or v0.2")
    if found[1] not in _EDITIONS:
        raise UnreadableList(name, f"it is a card {found[1][:20]}", f"give one of {', '.join(_EDITIONS)}")
    cells: dict[str, list[str]] = {VERSION: [found[1]]}
    try:
        _leaves(root, "", cells)
    except RecursionError:
        raise UnreadableList(name, "it is nested too deeply") from None
    notes = [f"a CHAI card {found[1]}"]
    if any(child.tag.startswith(f"{{{_SIGNATURE}}}") for child in root):
        notes.append("its XML signature was not checked")
    return table_of_rows("chai", [{path: "\n".join(values) for path, values in cells.items()}], notes)


def write_card(cells: Mapping[str, str]) -> bytes:
    """A card from the cells `read_card` gives: the same leaves with the same values, in the schema's order.

    Args:
        cells: Values by path, in the order of the card; `schema` is the edition, v0.2 without.
    """
    edition = cells.get(VERSION, _EDITIONS[-1])
    root = Element(ROOT, {"xmlns": f"https://mc.chai.org/{edition}/schema.xsd"})
    for path in _ORDER:
        if path in cells or path in _NEEDED:
            _put(root, path.split("/"), cells.get(path, ""), edition)
    for goal in _METRICS:
        _put_results(root, goal, cells, edition)
    indent(root, "\t")
    body: bytes = tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body + b"\n"


def _leaves(element: Element, path: str, cells: dict[str, list[str]]) -> None:
    for child in element:
        if child.tag.startswith(f"{{{_SIGNATURE}}}"):
            continue
        name = child.tag.rpartition("}")[2]
        if is_gap(child.text or "") or (name == "MetricResult" and any(is_gap(e.text or "") for e in child)):
            continue
        inner = f"{path}/{name}".lstrip("/")
        if len(child):
            _leaves(child, inner, cells)
        elif (text := (child.text or "").strip()) or name in ("Label", "ValueJson"):
            # one a line, so that the third label belongs to the third value
            repeated = name in LISTS or name in ("Label", "ValueJson")
            cells.setdefault(inner, []).append(" ".join(text.split()) if repeated else text)


def _put(root: Element, parts: list[str], value: str, edition: str) -> None:
    if edition == "v0.1" and "EHRCompatibility" in parts:
        return
    parent = root
    for name in parts[:-1]:
        found = parent.find(name)
        parent = SubElement(parent, name) if found is None else found
    if parts[-1] in LISTS:
        for line in value.splitlines():
            SubElement(parent, parts[-1]).text = line
    else:
        SubElement(parent, parts[-1]).text = value


def _put_results(root: Element, goal: str, cells: Mapping[str, str], edition: str) -> None:
    metric = root.find(goal)
    if metric is None:
        return
    if edition == "v0.1":
        result = Element("Result")
        result.text = cells.get(f"{goal}/Result", "")
    else:
        result = Element("Results")
        labels = cells.get(f"{goal}/{_RESULT}/Label", "").splitlines() or [""]
        values = cells.get(f"{goal}/{_RESULT}/ValueJson", "").splitlines() or [""]
        for position in range(max(len(labels), len(values))):
            one = SubElement(result, "MetricResult")
            SubElement(one, "Label").text = labels[position] if position < len(labels) else ""
            SubElement(one, "ValueJson").text = values[position] if position < len(values) else ""
    metric.insert(1, result)  # after the goal


_RESULT: Final = "Results/MetricResult"
_METRICS: Final = tuple(
    f"KeyMetrics/{k}" for k in ("UsefulnessUsabilityEfficacy", "FairnessEquity", "SafetyReliability")
)
_OPTIONAL: Final = frozenset(
    {
        "ReleaseInfo/EHRCompatibility/EHR",
        "ReleaseInfo/RegulatoryApproval",
        "TrustIngredients/AISystemFacts/FoundationModels",
        "TrustIngredients/AISystemFacts/Security",
        "TrustIngredients/AISystemFacts/Transparency",
        "TrustIngredients/TransparencyInformation/ThirdPartyInformation",
        "Resources/EvaluationReferences",
        "Resources/ClinicalTrial",
        "Resources/ReimbursementStatus",
    }
)
_ORDER: Final = (
    *(f"BasicInfo/{k}" for k in ("ModelName", "ModelDeveloper", "DeveloperContact")),
    *(f"ReleaseInfo/{k}" for k in ("ReleaseStage", "ReleaseDate", "ReleaseVersion", "GlobalAvailability")),
    "ReleaseInfo/EHRCompatibility/EHR",
    "ReleaseInfo/RegulatoryApproval",
    "ModelSummary/Summary",
    "ModelSummary/Keywords/Keyword",
    *(
        f"UsesAndDirections/{k}"
        for k in (
            "IntendedUseAndWorkflow",
            "PrimaryIntendedUsers",
            "HowToUse",
            "TargetedPatientPopulation",
            "CautionedOutOfScopeSettings",
        )
    ),
    *(f"Warnings/{k}" for k in ("KnownRisksAndLimitations", "KnownBiasesOrEthicalConsiderations", "ClinicalRiskLevel")),
    *(
        f"TrustIngredients/AISystemFacts/{k}"
        for k in (
            "OutcomesAndOutputs",
            "ModelType",
            "FoundationModels",
            "InputDataSource",
            "OutputAndInputDataTypes",
            "DevelopmentDataCharacterization",
            "BiasMitigationApproaches",
            "OngoingMaintenance",
            "Security",
            "Transparency",
        )
    ),
    *(
        f"TrustIngredients/TransparencyInformation/{k}"
        for k in ("FundingSource", "ThirdPartyInformation", "StakeholdersConsulted")
    ),
    *(
        f"{metric}/{k}"
        for metric in _METRICS
        for k in (
            "MetricGoal",
            "Interpretation",
            "TestType",
            "TestingDataDescription",
            "ValidationProcessAndJustification",
        )
    ),
    *(
        f"Resources/{k}"
        for k in (
            "EvaluationReferences",
            "ClinicalTrial",
            "PeerReviewedPublications",
            "ReimbursementStatus",
            "PatientConsentOrDisclosure",
        )
    ),
    "Bibliography",
)
_NEEDED: Final = frozenset(_ORDER) - _OPTIONAL
