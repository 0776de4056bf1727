"""`codman serve` as a user starts it: a link, an answer, a clean stop, no open door."""

from __future__ import annotations

import re
import resource
import signal
import subprocess
import sys

import httpx
import pytest

_RUN = [sys.executable, "-c", "from codman.cli.main import main; main()", "serve", "--port", "0"]


@pytest.fixture
def serving(tmp_path):
    running = []

    def start(*arguments):
        process = subprocess.Popen(
            [*_RUN, "--workspace", str(tmp_path / "work"), *arguments], stdout=-1, stderr=-1, text=True
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()


def _address(process):
    return re.search(r"answers at (http://\S+)", process.stderr.readline())[1]


def test_a_fresh_machine_gets_a_link_for_its_first_administrator_and_stops_cleanly(serving, tmp_path):
    process = serving()
    address = _address(process)
    assert str(tmp_path / "work") in process.stderr.readline()
    link = process.stdout.readline().strip()

    assert httpx.get(f"{address}/api/v1/health").status_code == 200
    page = httpx.get(link)
    assert (link.startswith(f"{address}/join/"), page.status_code) == (True, 200)
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0


def test_a_link_made_while_it_serves_leads_to_it_and_is_the_settings_own_once_it_stopped(serving, run_codman, tmp_path):
    process = serving()
    address = _address(process)
    invite = ("user", "add", "--role", "viewer", "--workspace", tmp_path / "work", "--email")
    link = run_codman(*invite, "b@example.org").stdout.strip()

    assert link.startswith(f"{address}/join/")
    assert httpx.get(link).status_code == 200
    process.send_signal(signal.SIGTERM)
    process.wait(15)
    assert run_codman(*invite, "c@example.org").stdout.startswith("http://127.0.0.1:8000/join/")


def test_starting_costs_few_seconds_of_a_processor_up_to_the_first_answer(serving):
    first = serving()  # makes the workspace
    _address(first)
    first.terminate()
    first.wait(15)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = serving()
    assert httpx.get(f"{_address(process)}/api/v1/health").status_code == 200
    process.terminate()
    process.wait(15)

    # of processor time, since others may be using this machine; docs say how long it takes on a quiet one
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5  # 2.5 where nothing else runs


def test_a_page_asked_for_while_the_pages_still_load_is_waited_for(serving):
    address = _address(serving())

    assert httpx.get(f"{address}/sign-in", timeout=30).status_code == 200


def test_an_address_others_reach_is_refused_without_https(run_codman, tmp_path):
    refused = run_codman("serve", "--host", "0.0.0.0", "--port", "0", "--workspace", tmp_path / "w")  # noqa: S104 - refused

    assert refused.returncode == 2
    assert "CODMAN_PUBLIC_URL" in refused.stderr


def test_a_port_that_is_taken_says_so(run_codman, serving, tmp_path):
    address = _address(serving())
    refused = run_codman("serve", "--port", address.rpartition(":")[2], "--workspace", tmp_path / "w")

    assert refused.returncode == 2
    assert "--port" in refused.stderr


def test_what_a_killed_server_left_misleads_nobody_and_stops_no_other(serving, run_codman, tmp_path):
    killed = serving()
    _address(killed)
    killed.kill()
    killed.wait(15)
    invite = ("user", "add", "--role", "viewer", "--workspace", tmp_path / "work", "--email")

    assert run_codman(*invite, "b@example.org").stdout.startswith("http://127.0.0.1:8000/join/")
    process = serving()
    address = _address(process)
    assert httpx.get(f"{address}/api/v1/health").status_code == 200
    assert run_codman(*invite, "c@example.org").stdout.startswith(f"{address}/join/")
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    said = process.stderr.read().splitlines()
    assert [line[:8] for line in said if not line.startswith("{")] == ["The book", "Open thi"]


def test_a_workspace_that_a_living_server_has_is_refused_to_a_second_one(serving, run_codman, tmp_path):
    address = _address(serving())
    refused = run_codman("serve", "--port", "0", "--workspace", tmp_path / "work")

    assert refused.returncode == 2
    assert address in refused.stderr
    assert "served already" in refused.stderr
    assert httpx.get(f"{address}/api/v1/health").status_code == 200
