"""An application served on a port of this machine, as a browser or a client program reaches it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from waiting import until


@contextmanager
def on_a_port(app: Any, listening: socket.socket | None = None, **config: Any) -> Iterator[str]:
    """Serve an application while the block runs; its address.

    Args:
        app: What is served.
        listening: The socket it is served on, where its port must be known before; one of its own without.
        **config: What uvicorn is told besides.
    """
    listening = listening or socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, **{"log_level": "error", **config}))
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
    thread.start()
    until(lambda: server.started)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)
