"""Passwords: what one must be, and how one is kept (Argon2id, RFC 9106), never more than two at a time."""

from __future__ import annotations

import itertools
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from codman.errors import BadInput, CodmanError

SHORTEST: Final = 12
LONGEST: Final = 1024
AT_ONCE: Final = 2  # each takes 64 MiB and a third of a second: without a cap sign-in is a way to stop the server
MOST_WAITING: Final = 8
LONGEST_WAIT_S: Final = 15.0

# Words that the commonest passwords of twelve and more characters are made of, once digits and signs are taken off.
_COMMON: Final = frozenset((Path(__file__).parent / "common_passwords.txt").read_text(encoding="ascii").split())
_AROUND: Final = "0123456789!?.,;:-_ #$*+=/@&%()"
_LEET: Final = str.maketrans("013457@$!", "oleastasi")


class WeakPassword(BadInput):
    """A password that is too easily guessed, or none."""

    def __init__(self, why: str) -> None:
        super().__init__(
            what="this password cannot be used",
            why=why,
            fix=f"choose {SHORTEST} to {LONGEST} characters that nobody would try: several words do well",
        )


class Busy(CodmanError):
    """Too many people sign in at once."""

    exit_code = 4
    retry_after_s = 5

    def __init__(self) -> None:
        super().__init__(
            what="too many people are signing in at this moment",
            why="passwords are checked two at a time",
            fix="try again in a few seconds",
        )


class Passwords:
    """Makes and checks hashes.

    Args:
        memory_kib: Memory one takes.
        passes: How often it is gone through.
        lanes: How many cores it may use.
        at_once: How many are worked on at a time; the next few wait, and the rest are turned away.
    """

    def __init__(self, *, memory_kib: int = 64 * 1024, passes: int = 3, lanes: int = 4, at_once: int = AT_ONCE) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes)
        self._turns = threading.BoundedSemaphore(at_once)
        self._count = threading.Lock()
        self._waiting = 0
        self._nobodys: str | None = None

    def hashed(self, password: str) -> str:
        """The hash to keep.

        Raises:
            Busy: Too many wait already.
        """
        with self._turn():
            return self._hasher.hash(_normal(password))

    def fits(self, kept: str | None, password: str) -> bool:
        """Whether a password is the one whose hash was kept; takes as long where there is none.

        Args:
            kept: The hash; None for somebody who has no password, or whom we do not know.
            password: What was given.

        Raises:
            Busy: Too many wait already.
        """
        nobodys = self._dummy()  # made for whoever comes first, known or not: it takes as long as a check
        known = kept if kept is not None else nobodys
        with self._turn():
            right = self._matches(known, _normal(password[:LONGEST]))
        return right and kept is not None and len(password) <= LONGEST

    def is_old(self, kept: str) -> bool:
        """Whether a hash was made with other costs than today's."""
        return self._hasher.check_needs_rehash(kept)

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    def _dummy(self) -> str:
        if self._nobodys is None:
            self._nobodys = self.hashed("the password of nobody")
        return self._nobodys

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self._count:
            if self._waiting >= MOST_WAITING + AT_ONCE:
                raise Busy
            self._waiting += 1
        try:
            if not self._turns.acquire(timeout=LONGEST_WAIT_S):
                raise Busy
            try:
                yield
            finally:
                self._turns.release()
        finally:
            with self._count:
                self._waiting -= 1


PASSWORDS: Final = Passwords()  # one for the process: its cap is the process's


def check_password(password: str, *, email: str | None = None, name: str | None = None) -> None:
    """Refuse a password that is easily guessed (NIST SP 800-63B-4, 3.1.1.2: length, and a list of what is common).

    Raises:
        WeakPassword: It is too short, too long, common, or the person's own name.
    """
    plain = _normal(password)
    if len(plain) < SHORTEST:
        raise WeakPassword(f"it has {len(plain)} characters and needs {SHORTEST}")
    if len(password) > LONGEST:
        raise WeakPassword(f"it has more than {LONGEST} characters")
    lowered = plain.casefold()
    if len(set(lowered)) < 5:
        raise WeakPassword("it is a few characters over and over")
    if _is_run(lowered):
        raise WeakPassword("it is a row of neighbouring characters")
    letters = "".join(c for c in lowered if c.isalpha())
    spoken = "".join(c for c in lowered.strip(_AROUND).translate(_LEET) if c.isalpha())
    if {letters, spoken} & _COMMON or _is_digits(lowered):
        raise WeakPassword("it is one of the commonest")
    if email is not None and email.partition("@")[0].casefold() in (lowered, letters):
        raise WeakPassword("it is your e-mail address")
    if email is not None and lowered == email.casefold():
        raise WeakPassword("it is your e-mail address")
    if name is not None and "".join(name.casefold().split()) in (lowered, letters, "".join(lowered.split())):
        raise WeakPassword("it is your name")


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def _is_run(text: str) -> bool:
    """Whether every character follows or repeats its neighbour: 123456789012, abcdefghijkl."""
    steps = [ord(b) - ord(a) for a, b in itertools.pairwise(text)]
    return sum(step in (-1, 0, 1) for step in steps) >= len(steps) - 2


def _is_digits(text: str) -> bool:
    """Whether it is digits and signs only: a date, a telephone number."""
    return not any(c.isalpha() for c in text) and len(text) < 20
