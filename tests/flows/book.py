"""A small open house for the tests of what is filed in it: people, a product with two uses, keys, statements."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from codman.evidence.envelope import sign
from codman.evidence.keys import SigningKey, generate, read_signing_key
from codman.evidence.statements import build, canonical_statement
from codman.flows.house import House
from codman.registry.access import Held, Reader
from codman.registry.keys import KeyFields, register
from codman.registry.log import SYSTEM
from codman.registry.nouns import PEOPLE, PRODUCTS, SITES, USES, VERSIONS
from codman.settings import Settings
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurement
from codman.spine.person import PersonFields, Role
from codman.spine.product import ProductFields, VersionFields
from codman.spine.site import SiteFields
from codman.spine.statement import Digest, EvaluationPredicate, Input, Kind, Rows, Statement, Subject
from codman.spine.use import UseFields
from codman.wiring import open_house

ARTEFACT, PREDICTIONS = "a" * 64, "b" * 64
START = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)


class FakeClock:
    """A clock that stands where it is put."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


class Book:
    """An open house with somebody in it."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        self.folder = folder
        self.clock = FakeClock()
        settings = Settings(workspace=folder / "workspace", database_url=database_url, log_origin="test.hospital/log")
        self.house: House = open_house(settings, self.clock)
        with self.house.database.changing(SYSTEM) as change:
            for name in ("p-one", "p-two"):
                PEOPLE.add(change, PersonFields(name=f"Officer {name[2:]}", email=f"{name}@example.org"), name)
            SITES.add(change, SiteFields(name="North", level="hospital"), "north")
            SITES.add(change, SiteFields(name="South", level="hospital"), "south")
            PRODUCTS.add(change, ProductFields(name="Sepsis alert"), "sepsis")
            VERSIONS.add(change, VersionFields(product="sepsis", label="1.2.0", digest=ARTEFACT), "sepsis-120")
            USES.add(change, UseFields(product="sepsis", name="Ward sepsis", site="north"), "ward")
            USES.add(change, UseFields(product="sepsis", name="Ward sepsis south", site="south"), "ward-south")
        self.officer = Reader("p-one", "Officer one", (Held(Role.OFFICER),))
        self.second = Reader("p-two", "Officer two", (Held(Role.OFFICER),))

    def key(self, name: str) -> SigningKey:
        """A key pair of its own; the same name gives the same one."""
        if not (self.folder / f"{name}.key").exists():
            generate(self.folder / name)
        return read_signing_key(self.folder / f"{name}.key")

    def registered(self, name: str, **changes: object) -> SigningKey:
        """The same, known to the book as a pipeline that may say local."""
        key = self.key(name)
        fields = {
            "keyid": key.public.keyid,
            "name": name,
            "owner_kind": "pipeline",
            "owner": "nightly",
            "origins": ["local"],
            "public_pem": key.public.pem,
        }
        with self.house.database.changing(SYSTEM) as change:
            register(change, KeyFields.model_validate(fields | changes))
        return key


def patients(until: str) -> list[Input]:
    """The rows of the patients up to a time: a file of its own for each."""
    return [Input(name="predictions", uri="p.parquet", digest=Digest(sha256=sha256(until.encode()).hexdigest()))]


def evaluation(**changes: object) -> Statement:
    """A statement about Sepsis alert 1.2.0; `subject` and fields of the predicate may be given.

    What is evaluated at another time is evaluated on other rows, where none are given.
    """
    subject = changes.pop("subject", ARTEFACT)
    if "evaluated_at" in changes:
        changes.setdefault("inputs", patients(str(changes["evaluated_at"])))
    fields = {
        "product": "Sepsis alert",
        "version": "1.2.0",
        "use": "Ward sepsis",
        "evaluated_at": "2026-10-31T10:00:00Z",
        "inputs": [Input(name="predictions", uri="p.parquet", digest=Digest(sha256=PREDICTIONS), rows=1000)],
        "rows": Rows(eligible=1000, scored=1000, evaluated=1000),
        "spec": EvaluationSpec(task="binary", label="died", score="risk"),
        "measurements": [
            Measurement(
                metric="auroc",
                value=0.8,
                lower=0.75,
                upper=0.85,
                level=0.95,
                n=1000,
                positives=100,
                method="delong-logit",
            )
        ],
    } | changes
    return build(
        Kind.EVALUATION,
        Subject(name="Sepsis alert@1.2.0", digest=Digest(sha256=str(subject))),
        EvaluationPredicate.model_validate(fields),
    )


def bare(**changes: object) -> bytes:
    """Its bytes, nobody's signature under them."""
    return canonical_statement(evaluation(**changes))


def signed(key: SigningKey, **changes: object) -> bytes:
    """The same in an envelope."""
    return sign(bare(**changes), key).to_bytes()
