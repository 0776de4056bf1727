"""G11: nothing that comes from outside is unpickled, executed or compiled, and nobody is called who was not asked."""

from __future__ import annotations

import subprocess
import sys

from one_house import HERE

JOURNEY = """
import asyncio, json, sys, tempfile, traceback
from pathlib import Path

import httpx
from one_house import furnished, statement

from codman.api.app import make_api
from codman.settings import read_settings
from codman.web.app import make_web
from codman.wiring import open_house

folder = Path(tempfile.mkdtemp())
token = furnished(folder / "workspace")
house = open_house(read_settings(workspace=folder / "workspace"))
api, web = make_api(house), make_web(house)
headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


async def ask():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://127.0.0.1:8000") as client:
        for number in range(3):
            answer = await client.post("/api/v1/evidence", content=statement(number), headers=headers)
            assert answer.status_code in (200, 201), answer.text
        for path in ("/api/v1/uses", "/api/v1/evidence", "/api/v1/openapi.json", "/api/v1/docs", "/api/v1/uses/none"):
            await client.get(path, headers=headers)
        await client.post("/api/v1/evidence", content=b"\\x80\\x04K\\x01.", headers=headers)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=web), base_url="http://127.0.0.1:8000") as client:
        for path in ("/sign-in", "/", "/nothing"):
            await client.get(path)


asyncio.run(ask())  # templates are compiled and modules loaded the first time
RUN = {"pickle.find_class", "marshal.loads", "exec", "compile"}
FORBIDDEN = RUN | {"socket.connect", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"}
seen = []


def listen(event, arguments):
    if event in FORBIDDEN:
        seen.append(event + " " + "".join(traceback.format_stack(limit=6)[:-1])[-600:])


sys.addaudithook(listen)
asyncio.run(ask())
found, seen = seen, []
import pickle
pickle.loads(pickle.dumps(json.JSONDecoder))  # the hook does hear what it listens for
assert any(event.startswith("pickle.find_class") for event in seen), "the hook is deaf"
print("\\n".join(found) or "silent")
"""


def test_filing_reading_and_showing_runs_no_code_that_came_from_outside_and_calls_nobody():
    done = subprocess.run([sys.executable, "-c", JOURNEY], capture_output=True, text=True, check=False, cwd=HERE)

    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "silent"
