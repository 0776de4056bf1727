"""Proposals from the command line: begun from answers, a model's entry, listed, shown; here and on a server."""

from __future__ import annotations

import json

import pytest

from codman.registry.log import SYSTEM
from codman.registry.nouns import GRANTS, PEOPLE
from codman.settings import read_settings
from codman.spine.person import GrantFields, PersonFields, Role
from codman.wiring import open_house

MODELS = {
    "registered_models": [
        {"name": "sepsis", "description": "Warns of sepsis", "latest_versions": [{"name": "sepsis", "version": "3"}]}
    ]
}


@pytest.fixture(autouse=True)
def book(tmp_path):
    """A book with an owner in it."""
    house = open_house(read_settings(workspace=tmp_path / "w"))
    with house.database.changing(SYSTEM) as change:
        PEOPLE.add(change, PersonFields(name="Ada Owner", email="ada@example.org"), "p-ada")
        GRANTS.add(change, GrantFields(person="p-ada", role=Role.OWNER))
    house.close()


def begun(codman, *more: object) -> dict:
    said = codman("intake", "propose", *more, "--owner", "ada@example.org", "--workspace", "w", "--format", "json")
    assert said.code == 0, said.err
    return json.loads(said.out)


def test_a_proposal_is_begun_from_answers_listed_and_shown_with_what_is_missing(codman, tmp_path):
    (tmp_path / "answers.yaml").write_text("name: Discharge letters\nkind: built\n")

    made = begun(codman, "answers.yaml")
    listed = codman("intake", "list", "--state", "draft", "--workspace", "w")
    shown = codman("intake", "show", made["id"], "--workspace", "w")

    assert (made["owner"], made["answers"]) == ("p-ada", {"name": "Discharge letters", "kind": "built"})
    assert made["id"] in listed.out
    assert "Discharge letters" in listed.out
    assert "not complete" in shown.out
    assert shown.out.index("Missing (") < shown.out.index("- What is it for?") < shown.out.index("Answers")
    assert "Does it write or draw" in shown.out


def test_a_proposal_is_begun_from_a_model_registrys_entry(codman, tmp_path):
    (tmp_path / "models.json").write_text(json.dumps(MODELS))

    made = begun(codman, "--from-model", "models.json")

    assert made["answers"]["name"] == "sepsis"
    assert made["source"] == "mlflow"


def test_a_card_that_is_not_there_is_named(codman):
    card = codman("intake", "propose", "--from-card", "none.xml", "--owner", "p-ada", "--workspace", "w")

    assert card.code == 2
    assert "none.xml" in card.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "it is not clear what the proposal begins from"),
        (["a.yaml", "--from-card", "b.xml"], "it is not clear what the proposal begins from"),
        (["a.yaml"], "it is not said who proposes"),
        (["a.yaml", "--owner", "nobody@example.org"], "there is nobody"),
        (["broken.yaml", "--owner", "p-ada"], "holds no answers"),
        (["other.yaml", "--owner", "p-ada"], "answers.colour"),
    ],
)
def test_what_cannot_be_begun_is_refused_with_what_to_do(codman, tmp_path, arguments, said):
    (tmp_path / "a.yaml").write_text("name: A\n")
    (tmp_path / "broken.yaml").write_text("- name\n- [")
    (tmp_path / "other.yaml").write_text("colour: blue\n")

    answer = codman("intake", "propose", *arguments, "--workspace", "w")

    assert answer.code == 2
    assert said in answer.err
    assert codman("intake", "list", "--workspace", "w").out == "no proposals\n"


def test_a_state_that_is_none_is_named_with_those_there_are(codman):
    answer = codman("intake", "list", "--state", "drafts", "--workspace", "w")

    assert answer.code == 2
    assert "draft" in answer.err


def test_a_server_that_does_not_answer_is_four(codman, tmp_path):
    (tmp_path / "a.yaml").write_text("name: A\n")

    for command in (["propose", "a.yaml"], ["list"], ["show", "intake_1"]):
        answer = codman("intake", *command, "--server", "http://127.0.0.1:9", "--token", "cdm_x")
        assert answer.code == 4, answer
