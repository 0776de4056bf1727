"""Person, Role and Grant: who may do what, and where.

Made by administrators and sign-in; kept by registry; read by every door.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictBool

from codman.spine.record import FREE_TEXT, Fields, Id, Line, Record

Email = Annotated[str, Field(pattern=r"^[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,255}$", max_length=320)]


class Role(StrEnum):
    """What somebody is here to do; each is given for a site and everything below it."""

    VIEWER = "viewer"
    OWNER = "owner"
    ENGINEER = "engineer"
    REVIEWER = "reviewer"
    CHAIR = "chair"
    OFFICER = "officer"
    AUDITOR = "auditor"
    ADMIN = "admin"


class PersonFields(Fields):
    """Somebody who signs in, answers for a use, or sits on a committee."""

    name: Annotated[Line, FREE_TEXT]
    email: Annotated[Email, FREE_TEXT] | None = None
    discipline: Line | None = Field(default=None, description="e.g. critical care, nursing, equity, IT operations")
    active: StrictBool = True


class Person(Record, PersonFields):
    """A person as the book has them."""


class GrantFields(Fields):
    """A role for a person, at a site and below; no site is the whole house."""

    person: Id
    role: Role
    site: Id | None = None


class Grant(Record, GrantFields):
    """A grant as the book has it."""
