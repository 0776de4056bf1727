"""The API does what its OpenAPI document says, for every role, whatever it is sent: schemathesis in this process."""

from __future__ import annotations

import jsonschema
import pytest
import schemathesis
from api_hospital import furnish
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from codman.api.app import make_api
from codman.api.routes.catalog import every_operation
from codman.registry.access import ACTIONS
from codman.settings import read_settings
from codman.spine.person import Role
from codman.wiring import open_house

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _as_it_is(_context, value):
    """A file's bytes, or what stands in their place."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


for kind in (XLSX, "application/vnd.apache.arrow.stream"):
    schemathesis.serializer(kind)(_as_it_is)


# what the document says does not hang on the book's database
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
WORDS = ("operationId", "summary", "description", "tags", "responses")


def _run(app, token, *, operations, examples, phases):
    """Every failed check, how many cases there were, and what was answered by the operations of these names."""
    config = SchemathesisConfig.from_dict(
        {
            "headers": {"Authorization": f"Bearer {token}"},
            "seed": 7,
            "generation": {"max-examples": examples, "mode": "all"},
            "phases": {name: {"enabled": name in phases} for name in ("examples", "coverage", "fuzzing", "stateful")},
            "checks": {
                # a well-formed request may name what is not there, or an old revision
                "positive_data_acceptance": {"enabled": False},
                "missing_required_header": {"expected-statuses": ["400", "401", "403", "404", "428"]},
            },
        }
    )
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, config=config)
    schema = schema.include(operation_id=sorted(operations))
    failures, statuses, cases = {}, {}, 0
    for event in from_schema(schema).execute():
        assert not isinstance(event, events.FatalError | events.NonFatalError), event
        if not isinstance(event, events.ScenarioFinished):
            continue
        cases += len(event.recorder.cases)
        for interaction in event.recorder.interactions.values():
            if interaction.response is not None:
                status = interaction.response.status_code
                statuses[status] = statuses.get(status, 0) + 1
        for found in event.recorder.checks.values():
            for check in found:
                if check.failure_info is not None:
                    failures[check.name, str(event.label)] = check.failure_info.failure.message[:300]
    return failures, cases, statuses


@pytest.mark.parametrize("role", list(Role))
def test_every_operation_keeps_the_document_for_every_role(tmp_path, role, whole):
    """Whole, each role is sent to each operation in four ways; else to every third, so that two or three reach each."""
    house = open_house(read_settings(workspace=tmp_path / "work"))
    hospital = furnish(house)
    app = make_api(house)
    named = sorted(operation.name for operation in every_operation())
    operations = named if whole else named[list(Role).index(role) % 3 :: 3]

    failures, cases, statuses = _run(
        app,
        hospital.tokens[role],
        operations=operations,
        examples=50 if whole else 1,
        phases=("examples", "coverage", "fuzzing", "stateful") if whole else ("fuzzing",),
    )
    house.close()
    print(f"{role}: {cases:,} cases, {statuses}, {failures}", flush=True)  # noqa: T201 - a soak shows its figures

    assert failures == {}
    assert cases >= len(operations)
    assert statuses.get(200, 0) > 5  # the token was good to the end


@on_sqlite
def test_every_operation_is_described_and_answers_problems_as_problems(call):
    document = call("GET", "/openapi.json", who=None).json()

    assert document["openapi"].startswith("3.1")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert all(operation[word] for word in WORDS), where
            for parameter in operation["parameters"]:
                assert parameter["description"], where
                assert parameter["schema"], where
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert response == {"$ref": f"#/components/responses/Problem{status}"}, where
            opened = operation.get("security") == []
            assert opened == ("Needs nothing" in operation["description"]), where
    problem = document["components"]["responses"]["Problem404"]["content"]["application/problem+json"]
    assert problem["schema"]["$ref"].endswith("/Problem")


@on_sqlite
def test_every_reference_in_the_document_leads_somewhere(call):
    document = call("GET", "/openapi.json", who=None).json()

    def look(value):
        if isinstance(value, dict):
            if "$ref" in value:
                place = document
                for part in value["$ref"].removeprefix("#/").split("/"):
                    place = place[part]
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(document)
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


@on_sqlite
@pytest.mark.parametrize("kind", ["csv", "json", "xlsx"])
def test_the_export_is_described_as_each_kind_of_file_it_comes_as(call, kind):
    sent = call("GET", "/inventory/export", params={"format": kind}).headers["Content-Type"].partition(";")[0]
    operation = call("GET", "/openapi.json", who=None).json()["paths"]["/api/v1/inventory/export"]["get"]

    assert sent in operation["responses"]["200"]["content"]


@on_sqlite
def test_the_documentation_page_shows_every_operation_and_loads_nothing_from_elsewhere(call):
    page = call("GET", "/docs", who=None)
    document = call("GET", "/openapi.json", who=None).json()

    for methods in document["paths"].values():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page.text
    assert "http://" not in page.text.replace("http://json-schema.org", "")
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert call("GET", "/docs.css", who=None).headers["Content-Type"].startswith("text/css")


@on_sqlite
def test_an_operation_names_actions_that_the_table_of_rights_has(call):
    document = call("GET", "/openapi.json", who=None).json()
    named = {
        word
        for methods in document["paths"].values()
        for operation in methods.values()
        for word in operation["description"].rpartition("Needs ")[2].split("`")[1::2]
    }

    assert named <= set(ACTIONS)
    assert "use.decide" in named
