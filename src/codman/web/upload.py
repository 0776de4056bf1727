"""A file that a form sends: read no further than its limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.datastructures import UploadFile
from starlette.types import Message

from codman.errors import BadInput
from codman.web.file_kinds import LARGEST_MIB
from codman.web.views.sent import Form

_MIB: Final = 1024 * 1024
_FIELDS_BYTES: Final = 64 * 1024  # what the other answers of the form may take beside the file


class FileTooLarge(BadInput):
    """A file above the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            what="the file is too large",
            why=f"a document may have {limit // _MIB} MiB at most",
            fix="send a smaller one, e.g. the PDF without its scans; nothing was kept of this one",
        )


@dataclass(frozen=True, slots=True)
class Upload:
    """What a form with a file sent."""

    form: Form
    name: str  # what the sender's computer calls the file; empty where none was chosen
    data: bytes


async def upload_of(request: Request) -> Upload:
    """A form with one file.

    Raises:
        FileTooLarge: The file, or all of it, is above the limit.
    """
    return await _read(request, min(LARGEST_MIB, request.app.state.house.settings.max_body_mb) * _MIB)


async def small_upload_of(request: Request) -> Upload:
    """A form with one file of at most 1 MiB: whoever sends it may have no account.

    Raises:
        FileTooLarge: The file, or all of it, is above the limit.
    """
    return await _read(request, _MIB)


async def _read(request: Request, limit: int) -> Upload:
    sent = await _counted(request, limit).form(max_files=1, max_fields=50)
    try:
        words = [(name, value) for name, value in sent.multi_items() if isinstance(value, str)]
        file = next((value for _, value in sent.multi_items() if isinstance(value, UploadFile)), None)
        data = b"" if file is None else await file.read()
        name = "" if file is None else (file.filename or "").replace("\\", "/").rpartition("/")[2][:200]
    finally:
        await sent.close()
    if len(data) > limit:
        raise FileTooLarge(limit)
    return Upload(form=Form(values=dict(words), every={}), name=name, data=data)


def _counted(request: Request, limit: int) -> Request:
    """The same request, refused once it has sent more than the file and the other answers may take."""
    seen = 0

    async def receive() -> Message:
        nonlocal seen
        message = await request.receive()
        seen += len(message.get("body", b""))
        if seen > limit + _FIELDS_BYTES:
            raise FileTooLarge(limit)
        return message

    return Request(request.scope, receive)


UploadDep = Annotated[Upload, Depends(upload_of)]
SmallUploadDep = Annotated[Upload, Depends(small_upload_of)]
