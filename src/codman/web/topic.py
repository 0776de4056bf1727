"""The pages of a topic by address; the application is made of every topic's, and nothing is built before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from starlette.responses import Response

Answers = Callable[..., Response]  # what a page is: a function of a visit and of what its address names
_A = TypeVar("_A", bound=Answers)


class Page(NamedTuple):
    """One page."""

    method: str
    path: str  # with its parameters in braces
    answer: Answers
    takes_a_file: bool = False  # it reads its own form; every other one is read and bounded before


class Topic:
    """The pages of a topic, in order: of two that fit an address the first answers."""

    def __init__(self) -> None:
        self.pages: list[Page] = []

    def get(self, path: str) -> Callable[[_A], _A]:
        """A page to look at."""
        return self._named("GET", path, takes_a_file=False)

    def post(self, path: str, *, takes_a_file: bool = False) -> Callable[[_A], _A]:
        """A form that is sent."""
        return self._named("POST", path, takes_a_file=takes_a_file)

    def add(self, method: str, path: str, answer: Answers) -> None:
        """A page whose function was made, not written."""
        self.pages.append(Page(method, path, answer))

    def _named(self, method: str, path: str, *, takes_a_file: bool) -> Callable[[_A], _A]:
        def keep(answer: _A) -> _A:
            self.pages.append(Page(method, path, answer, takes_a_file))
            return answer

        return keep
