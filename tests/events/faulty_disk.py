"""A disk in memory that fails at one of the things asked of it, and that can lose what it was not told to keep."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    EIO = "an input/output error"
    ENOSPC = "a full disk"
    TORN = "half of it written, then an error"
    CRASH = "the process ends, the system lives"
    CRASH_AFTER = "the process ends right after it was done"
    LOST = "the power goes: what was not synced is gone"
    LOST_HALF = "the power goes: half of what was not synced is gone"


class Crash(Exception):
    """The process is gone; whoever still asks gets no answer."""


@dataclass
class _Stored:
    written: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    listed: bool = False  # its name is on the disk


class FaultyDisk:
    def __init__(self) -> None:
        self.files: dict[str, _Stored] = {}
        self.gone: dict[str, _Stored] = {}  # removed, and the removal not on the disk yet
        self.asked = 0
        self.fail_at = -1
        self.fault = Fault.EIO
        self.dead = False

    def point(self, *, torn: _Stored | None = None, data: bytes = b"") -> bool:
        """One thing asked; whether to end right after it is done."""
        if self.dead:
            raise Crash
        self.asked += 1
        if self.asked != self.fail_at:
            return False
        if self.fault is Fault.CRASH_AFTER:
            return True
        if self.fault in (Fault.TORN, Fault.LOST_HALF) and torn is not None:
            torn.written += data[: len(data) // 2]
        if self.fault in (Fault.CRASH, Fault.LOST, Fault.LOST_HALF):
            self.dead = True
            raise Crash
        raise OSError(errno.ENOSPC if self.fault is Fault.ENOSPC else errno.EIO, "it failed")

    def after(self, end: bool) -> None:
        if end:
            self.dead = True
            raise Crash

    def restart(self) -> None:
        """Come up again, with what a process or a machine that ended so finds."""
        if self.fault in (Fault.LOST, Fault.LOST_HALF):
            self.files = {name: one for name, one in {**self.gone, **self.files}.items() if one.listed}
            for one in self.files.values():
                kept = len(one.synced)
                more = (len(one.written) - kept) // 2 if self.fault is Fault.LOST_HALF else 0
                one.written = one.written[: kept + max(0, more)]
                one.synced = bytes(one.written)
        self.gone = {}
        self.dead = False
        self.fail_at = -1

    # what the store asks

    def create(self, name: str) -> _Open:
        end = self.point()
        stored = _Stored()
        self.files[name] = stored
        self.after(end)
        return _Open(self, stored)

    def read(self, name: str) -> bytes:
        return bytes(self.files[name].written)

    def names(self) -> list[str]:
        return sorted(self.files)

    def remove(self, name: str) -> None:
        end = self.point()
        stored = self.files.pop(name, None)
        if stored is not None and stored.listed:
            self.gone[name] = stored
        self.after(end)

    def sync(self) -> None:
        end = self.point()
        for stored in self.files.values():
            stored.listed = True
        self.gone = {}
        self.after(end)


class _Open:
    def __init__(self, disk: FaultyDisk, stored: _Stored) -> None:
        self._disk, self._stored = disk, stored

    def write(self, data: bytes) -> None:
        end = self._disk.point(torn=self._stored, data=data)
        self._stored.written += data
        self._disk.after(end)

    def sync(self) -> None:
        end = self._disk.point()
        self._stored.synced = bytes(self._stored.written)
        self._disk.after(end)

    def close(self) -> None:
        pass
