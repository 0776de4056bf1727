"""backup and restore: the whole house in one signed file, taken while it is in use; back whole, or not at all."""

from __future__ import annotations

import base64
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.exc import DatabaseError

from codman import __version__
from codman.errors import BadInput
from codman.evidence import archive
from codman.evidence.archive import BadArchive
from codman.evidence.canonical import canonical, parse, sha256
from codman.evidence.checkpoint import Checkpoint, checkpoint_signed_by, read_checkpoint, sign_checkpoint
from codman.evidence.files import PARTIAL, CannotWrite, sync_folder
from codman.evidence.keys import VerifyingKey, parse_verifying_key
from codman.evidence.passphrase import seal, unseal
from codman.evidence.store import EvidenceTampered, Store
from codman.flows.house import House
from codman.registry.access import Reader, require
from codman.registry.database import Database, DatabaseAway, instant, read_url
from codman.registry.log import Entry
from codman.registry.migrate import migrate
from codman.registry.schema import statements
from codman.registry.snapshot import SQLITE_FILE, put_into_postgresql, refuse_another_state, refuse_what_acts, take

FORMAT: Final = "codman-backup/1"
_SEALED: Final = "keys.sealed"
_DATABASE: Final = "database"
_SETTINGS: Final = "codman.toml"
# of the workspace, each as it is; events before the tables they are moved to, so that each is in one or the other
_FOLDERS: Final = ("evidence", "documents", "events", "tables")
_MADE_AGAIN: Final = frozenset({"events/index", "events/lock"})


class WouldReplace(BadInput):
    """A restore into a place that holds something."""

    def __init__(self, workspace: Path) -> None:
        super().__init__(
            what=f"{workspace} is there already",
            why="a backup is never restored over a workspace",
            fix="name a new folder, look at it, then let the server use it",
        )


class BackupThere(BadInput):
    """A backup onto an earlier one, or onto any other file."""

    def __init__(self, out: Path) -> None:
        super().__init__(
            what=f"{out} is there already",
            why="it may be the only backup of an earlier day",
            fix="name another file, or say --replace",
        )


class CannotRestore(BadInput):
    """A backup that does not fit where it should go."""

    def __init__(self, why: str, fix: str) -> None:
        super().__init__(what="the backup cannot be restored there", why=why, fix=fix)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a backup holds."""

    made_at: str
    files: int
    size: int  # bytes of the archive
    entries: int  # of the audit log
    root: str
    statements: int
    keys: bool  # whether private keys are in it, sealed

    def answer(self) -> dict[str, Any]:
        """The shape of `--format json`."""
        return {name: getattr(self, name) for name in self.__slots__}


def backup(house: House, reader: Reader, out: Path, *, passphrase: str | None = None, replace: bool = False) -> Kept:
    """Write the database, evidence, documents and public keys into one file while the house is in use.

    Args:
        house: The open house.
        reader: Who asks; must hold `backup.create`.
        out: The archive; readable by its owner alone, for it holds everything the book holds.
        passphrase: Seals the private keys and the settings file, which then go along; without it they stay here.
        replace: Whether a file that is there already may be replaced.

    Raises:
        NotAllowed: The reader may not.
        BackupThere: Something is there already.
        WeakPassphrase: The passphrase is too short.
        EvidenceTampered: A filed statement is gone from the disk, or changed.
        CannotWrite: The archive cannot be written.
        NotRecorded: The log could not be written; no archive is left.
    """
    require(reader, "backup.create")
    if not replace and (out.exists() or out.is_symlink()):
        raise BackupThere(out)
    workspace = house.settings.workspace.absolute()
    with house.database.reading() as connection:
        filed = connection.execute(select(statements.c.digest)).scalars().all()
    with _beside(out) as stage, _beside(out) as ready:
        (stage / _DATABASE).mkdir()
        # the database first: a statement is on the disk before its row, so every row's file is there afterwards
        step, state = take(house.database, stage / _DATABASE, house.log_origin)
        made_at = instant(house.database.clock())
        for name in _FOLDERS:
            _copy_whole(workspace / name, stage / name)
        _refuse_lost_evidence(filed, stage)  # a backup that could not be restored is no backup
        _copy_keys(workspace, stage, passphrase)
        about = {
            "format": FORMAT,
            "codman": __version__,
            "made_at": made_at,
            "database": house.database.engine.dialect.name,
            "step": step,
            "checkpoint": sign_checkpoint(state, house.log_key),
        }
        whole = ready / "whole.tar"
        members = archive.pack(whole, stage, about, house.log_key)
        kept = Kept(
            made_at=made_at,
            files=len(members),
            size=whole.stat().st_size,
            entries=state.size,
            root=state.root.hex(),
            statements=sum(m.name.startswith("evidence/statements/") for m in members),
            keys=passphrase is not None,
        )
        # in the log before anybody can take it away
        with house.database.changing(reader.author()) as change:
            listed = sha256(canonical([[m.name, m.sha256] for m in members]))
            after = {"entries": state.size, "files": len(members), "sealed_keys": kept.keys}
            change.record(Entry("backup.create", "backup", listed, after=after))
        try:
            whole.replace(out)
            sync_folder(out.absolute().parent)
        except OSError as error:
            raise CannotWrite(out, error) from None
    return kept


def restore(
    path: Path,
    workspace: Path,
    *,
    database_url: str | None = None,
    passphrase: str | None = None,
    key: VerifyingKey | None = None,
) -> Kept:
    """Make a new workspace from a backup. Every byte is checked and the log worked out again before anything stands.

    Args:
        path: The archive.
        workspace: A folder that is not there yet, or is empty.
        database_url: An empty PostgreSQL database, for a backup of one.
        passphrase: Opens the private keys, where they are in it; without them the house makes itself new ones.
        key: The log's public key, from somewhere else than the backup; without it the one that came along is believed.

    Raises:
        BadArchive: One byte differs from what was packed, or another key signed it.
        BadDatabaseUrl: It names no database that Codman knows.
        WouldReplace: The workspace holds something.
        NotEmpty: The database does.
        CannotRestore: It is a backup of the other kind of database, or of a later release.
        WrongPassphrase: The passphrase does not open the keys.
        LogBroken: The log does not add up.
    """
    workspace = workspace.absolute()
    if workspace.is_symlink() or (workspace.exists() and (not workspace.is_dir() or any(workspace.iterdir()))):
        raise WouldReplace(workspace)
    with _beside(workspace) as stage:
        try:
            about = archive.unpack(path, stage, key)
        except CannotWrite as error:
            raise CannotRestore(f"beside {workspace}: {error.why}", "make room there, or name another folder") from None
        state = _described(about, stage, path)
        held = stage / _DATABASE
        made = Kept(
            made_at=about["made_at"],
            files=sum(1 for p in stage.rglob("*") if p.is_file()),
            size=path.stat().st_size,
            entries=state.size,
            root=state.root.hex(),
            statements=len(Store(stage / "evidence").digests()),
            keys=(stage / _SEALED).exists() and passphrase is not None,
        )
        _open_keys(stage, passphrase)
        (stage / "keys" / "log-origin").write_text(state.origin + "\n", encoding="utf-8")  # a setting may have named it
        postgresql = database_url is not None and read_url(database_url).get_backend_name() == "postgresql"
        if postgresql != (about["database"] == "postgresql"):
            raise CannotRestore(f"it is of {about['database']}", "give the URL of an empty database of the same kind")
        if postgresql:
            database = Database(database_url or "")
            try:
                put_into_postgresql(
                    database,
                    held,
                    about["step"],
                    lambda connection: _hold(connection, stage, state),
                    lambda: _stand(stage, workspace),
                )
            except BaseException:
                _fall(workspace)
                raise
            finally:
                database.close()
            return made
        (held / SQLITE_FILE).rename(stage / SQLITE_FILE)
        database = Database(f"sqlite:///{stage / SQLITE_FILE}")
        try:
            with database.reading() as connection:
                refuse_what_acts(connection)
                _hold(connection, stage, state)
            migrate(database)
        except (DatabaseError, DatabaseAway) as error:  # a file of another kind, or of other tables
            why = error.why.partition(": ")[2] if isinstance(error, DatabaseAway) else str(error.orig)
            raise BadArchive(path, f"its database cannot be used: {why[:120]}") from None
        finally:
            database.close()
        _stand(stage, workspace)
    return made


def _described(about: dict[str, Any], stage: Path, path: Path) -> Checkpoint:
    """The log's state the backup's list describes; refuses what no backup of ours would hold."""
    if about.get("format") != FORMAT:
        raise BadArchive(path, f"it is not {FORMAT}")
    said = [about.get(name) for name in ("made_at", "step", "checkpoint")]
    if not all(isinstance(each, str) for each in said) or about.get("database") not in ("sqlite", "postgresql"):
        raise BadArchive(path, "its list cannot be read")
    names = [file.relative_to(stage).as_posix() for file in stage.rglob("*") if file.is_file()]
    # a settings file or a private key in the clear is never ours: it would be obeyed by the next server
    if foreign := [name for name in names if not _belongs(name)]:
        raise BadArchive(path, f"{foreign[0]} does not belong into a backup")
    needed = {"keys/log.pub"} | ({f"{_DATABASE}/{SQLITE_FILE}"} if about["database"] == "sqlite" else set())
    if missing := needed - set(names):
        raise BadArchive(path, f"{min(missing)} is not in it")
    try:
        public = parse_verifying_key((stage / "keys" / "log.pub").read_bytes(), "log.pub")
    except BadInput as error:
        raise BadArchive(path, error.what) from None
    if not checkpoint_signed_by(about["checkpoint"], public):
        raise BadArchive(path, "its checkpoint is not signed by its log's key")
    return read_checkpoint(about["checkpoint"])


def _belongs(name: str) -> bool:
    top, _, rest = name.partition("/")
    if top == "keys":
        return bool(rest) and not rest.casefold().endswith(".key")
    return name == _SEALED or (top in (_DATABASE, *_FOLDERS) and bool(rest))


def _hold(connection: Connection, stage: Path, state: Checkpoint) -> None:
    """Whether everything the database speaks of is there and as it was."""
    refuse_another_state(connection, state)
    _refuse_lost_evidence(connection.execute(select(statements.c.digest)).scalars().all(), stage)


def _refuse_lost_evidence(filed: Sequence[str], stage: Path) -> None:
    for digest in filed:
        file = stage / "evidence" / "statements" / digest[:2] / f"{digest}.json"
        found = sha256(file.read_bytes()) if file.is_file() else "nothing"
        if found != digest:
            raise EvidenceTampered(digest, found)


def _stand(stage: Path, workspace: Path) -> None:
    shutil.rmtree(stage / _DATABASE)
    for name in _FOLDERS[:2]:
        (stage / name).mkdir(exist_ok=True)
    if workspace.exists():
        workspace.rmdir()
    stage.chmod(0o700)
    stage.rename(workspace)
    sync_folder(workspace.parent)


def _fall(workspace: Path) -> None:
    """Take away what stood before its database was there."""
    if workspace.exists() and (workspace / "keys").is_dir():
        shutil.rmtree(workspace, ignore_errors=True)


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """A folder beside a place, gone afterwards whatever happens."""
    if not place.absolute().parent.is_dir():
        raise BadInput(
            what=f"{place} cannot be made",
            why="the folder it would be in is not there",
            fix="make that folder, or name another",
        )
    folder = Path(tempfile.mkdtemp(prefix=f".{place.name[:60]}.", suffix=PARTIAL, dir=place.absolute().parent))
    try:
        yield folder
    finally:
        with suppress(OSError):
            shutil.rmtree(folder)


def _copy_whole(source: Path, target: Path) -> None:
    """Every plain file; what is half written is passed over, and nothing is followed out of the folder.

    In the order of their names: a table's log before its data, so that all the copied log names is copied too.
    """
    for path in sorted(source.rglob("*")) if source.is_dir() else ():
        within = path.relative_to(source.parent).as_posix()
        if within in _MADE_AGAIN or within.startswith("events/index/"):
            continue
        if path.is_file() and not path.is_symlink() and path.suffix != PARTIAL:
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                if within.startswith("events/"):  # a segment may still grow, and its copy must not
                    shutil.copyfile(path, place)
                else:
                    place.hardlink_to(path)  # what is kept by its digest never changes, so a second name is a copy
            except FileNotFoundError:  # moved on since: into a table, which is copied next
                continue
            except OSError:
                shutil.copyfile(path, place)


def _copy_keys(workspace: Path, stage: Path, passphrase: str | None) -> None:
    """Public keys and the log's name as they are; private keys and settings only sealed."""
    _copy_whole(workspace / "keys", stage / "keys")
    secret = {path.relative_to(stage).as_posix(): path.read_bytes() for path in (stage / "keys").rglob("*.key")}
    for name in secret:
        (stage / name).unlink()
    settings = workspace / _SETTINGS
    if settings.is_file():  # it may hold the secrets of providers
        secret[settings.name] = settings.read_bytes()
    if passphrase is not None:
        plain = canonical({name: base64.b64encode(data).decode() for name, data in secret.items()})
        (stage / _SEALED).write_bytes(seal(plain, passphrase))


def _open_keys(stage: Path, passphrase: str | None) -> None:
    """Private keys back in their places; without them, the old public keys are kept as retired ones."""
    sealed = stage / _SEALED
    if passphrase is not None:
        if not sealed.exists():
            raise CannotRestore("no private keys are in it", "restore it without a passphrase")
        for name, data in _secrets(unseal(sealed.read_bytes(), passphrase)).items():
            place = stage / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch(mode=0o600)
            place.write_bytes(data)
    else:
        for public in (stage / "keys").glob("*.pub"):
            if not public.with_suffix(".key").exists():
                keyid = parse_verifying_key(public.read_bytes(), public.name).keyid
                retired = stage / "keys" / "retired"
                retired.mkdir(exist_ok=True)
                public.rename(retired / f"{public.stem}-{keyid[:12]}.pub")
    sealed.unlink(missing_ok=True)


def _secrets(opened: bytes) -> dict[str, bytes]:
    """Private keys and settings by their places; whoever knows a passphrase may still have sealed anything."""
    try:
        secret = {
            str(name): base64.b64decode(data, validate=True)
            for name, data in parse(opened, name="the sealed keys").items()
        }
    except (BadInput, AttributeError, TypeError, ValueError):
        raise CannotRestore("what is sealed in it cannot be read", "use another backup") from None
    for name in secret:
        parts = PurePosixPath(name).parts
        is_key = parts[:1] == ("keys",) and ".." not in parts and "\0" not in name and name.endswith(".key")
        if name != _SETTINGS and not is_key:
            raise CannotRestore("something else than keys and settings is sealed in it", "use another backup")
    return secret
