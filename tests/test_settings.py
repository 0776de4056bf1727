"""Settings: what is there but empty counts as left out, and an address that links cannot begin with is refused."""

from __future__ import annotations

import pytest

from codman.settings import BadSetting, Settings, read_settings

OPTIONAL = sorted(name for name, field in Settings.model_fields.items() if field.default is None)


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("empty", ["", "  "])
def test_an_optional_setting_that_is_there_but_empty_counts_as_left_out(monkeypatch, tmp_path, name, empty):
    monkeypatch.setenv("CODMAN_WORKSPACE", str(tmp_path))
    monkeypatch.setenv(f"CODMAN_{name.upper()}", empty)

    assert getattr(read_settings(), name) is None


def test_an_empty_line_in_the_workspaces_file_counts_as_left_out(tmp_path):
    (tmp_path / "codman.toml").write_text('public_url = ""\nport = 8123\n')

    assert read_settings(workspace=tmp_path).address == "http://127.0.0.1:8123"


def test_an_empty_list_of_systems_is_a_list_and_stays_empty(monkeypatch, tmp_path):
    monkeypatch.setenv("CODMAN_CONCERNS_TO", "")

    assert read_settings(workspace=tmp_path).concerns_to == ()


@pytest.mark.parametrize("address", ["codman.hospital.org", "ftp://codman.hospital.org", "https://a b"])
def test_an_address_that_no_link_can_begin_with_is_refused(tmp_path, address):
    with pytest.raises(BadSetting, match="public_url"):
        read_settings(workspace=tmp_path, public_url=address)
