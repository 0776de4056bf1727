"""Products and the FDA's list: a number proves, names propose, ties stay ties."""

from __future__ import annotations

import pytest

from codman.registry.imports.reading import read_bytes, read_list
from codman.registry.imports.table import UnreadableList
from codman.registry.matching import Candidate, DeviceList, devices_of

LIST = b"""\xef\xbb\xbfDate of Final Decision,Submission Number,Device,Company,Panel (Lead),Primary Product Code
12/30/2025,K253532,TruSPECT Processing Station,"Spectrum Dynamics Medical, Ltd.",Radiology,QIH
02/14/2025,K250248,BriefCase-Triage,"Aidoc Medical, Ltd.",Radiology,QAS
05/30/2025,K251406,BriefCase-Triage,"Aidoc Medical, Ltd.",Radiology,QAS
11/22/2024,K242203,BriefCase-Quantification,"Aidoc Medical, Ltd.",Radiology,QIH
01/05/2023,DEN220001,Sepsis ImmunoScore,Prenosis Inc.,Microbiology,SAK
,,a line without a number,,,
"""


def candidate(name, vendor=None, submission=None, words=""):
    return Candidate("product-1", name, vendor, submission, words)


@pytest.fixture
def listed():
    return DeviceList(devices_of(read_bytes(LIST, "devices.csv"), "devices.csv"))


def test_a_number_finds_its_device_and_nothing_else(listed):
    (match,) = listed.matches(candidate("BriefCase-Triage", "Aidoc", "K251406"))

    assert (match.device.submission, match.score, match.by_number) == ("K251406", 1.0, True)
    assert match.device.decided_on == "2025-05-30"


def test_a_number_that_is_not_on_the_list_is_not_replaced_by_a_likely_name(listed):
    assert listed.matches(candidate("BriefCase-Triage", "Aidoc Medical", "K999999")) == []


def test_names_that_fit_several_devices_equally_are_left_to_a_person(listed):
    matches = listed.matches(candidate("Briefcase Triage", "Aidoc Medical Ltd"))
    best = [m for m in matches if m.score == matches[0].score]

    assert {m.device.submission for m in best} == {"K250248", "K251406"}
    assert all("2 devices fit as well: a person must tell which" in m.reasons for m in best)
    assert not any(m.by_number for m in matches)
    assert all(m.score < 1 for m in matches)


def test_one_device_that_fits_carries_its_reasons(listed):
    (match, *_) = listed.matches(candidate("Sepsis ImmunoScore", "Prenosis"))

    assert match.device.submission == "DEN220001"
    assert match.reasons[0] == "names are alike by 1.00"
    assert match.reasons[1] == "vendor and company are alike by 1.00"


def test_another_vendors_product_of_a_similar_name_is_no_match(listed):
    assert listed.matches(candidate("Triage assistant", "Somebody Else")) == []
    assert listed.matches(candidate("Medical scribe", "Aidoc Medical")) == []


def test_a_product_without_a_vendor_scores_lower(listed):
    with_vendor = listed.matches(candidate("Sepsis ImmunoScore", "Prenosis"))[0].score
    without = listed.matches(candidate("Sepsis ImmunoScore"))[0].score

    assert without < with_vendor


def test_another_list_is_refused():
    with pytest.raises(UnreadableList, match="no column of the submission"):
        devices_of(read_bytes(b"Name,Company\nA,B\n", "x.csv"), "x.csv")


def test_the_whole_list_is_read_and_every_device_finds_itself_by_names(real_data):
    """Each device, asked for by its own name and company, is among the best of its proposals."""
    devices = devices_of(read_list(real_data / "governance/fda-ai-devices/devices.csv"), "devices.csv")
    whole = DeviceList(devices)
    sample = devices[::23]
    found = 0
    for device in sample:
        matches = whole.matches(candidate(device.device, device.company))
        top = [m for m in matches if matches[0].score - m.score <= 0.02]
        same_name = [m for m in top if (m.device.device, m.device.company) == (device.device, device.company)]
        found += bool(same_name)

    assert len(devices) == 1430
    assert found / len(sample) >= 0.98
