"""Records: added whole, changed under their revision, listed page by page, on both databases."""

from __future__ import annotations

import threading

import pytest
from alembic.command import downgrade
from alembic.script import ScriptDirectory

from codman.registry.database import Database, wal_is_sound
from codman.registry.log import SYSTEM, entries
from codman.registry.migrate import NewerDatabase, NoWayBack, _config, config_of, differences, migrate
from codman.registry.nouns import PRODUCTS, SITES, USES, VERSIONS
from codman.registry.records import AlreadyThere, BadField, NoSuchRecord, Stale
from codman.spine.product import ProductFields, VersionFields
from codman.spine.site import SiteFields, SiteLevel
from codman.spine.use import UseFields


def _use(database: Database, **fields: object) -> str:
    with database.changing(SYSTEM) as change:
        product = PRODUCTS.add(change, ProductFields(name="Sepsis alert"))
        return USES.add(change, UseFields(product=product.id, name="Sepsis", **fields)).id


def test_a_change_raises_the_revision_and_keeps_the_other_fields(database):
    name = _use(database, population="adults")

    with database.changing(SYSTEM) as change:
        changed = USES.change(change, name, {"tier": "high"}, 1)

    assert (changed.revision, changed.tier, changed.population) == (2, "high", "adults")


def test_a_change_of_an_older_revision_is_refused_and_writes_nothing(database):
    name = _use(database)
    with database.changing(SYSTEM) as change:
        USES.change(change, name, {"tier": "high"}, 1)

    with pytest.raises(Stale) as refused, database.changing(SYSTEM) as change:
        USES.change(change, name, {"tier": "low"}, 1)

    assert refused.value.current == 2
    with database.reading() as connection:
        assert USES.get(connection, name).tier == "high"
        assert len(list(entries(connection))) == 3


def test_a_change_that_changes_nothing_leaves_revision_and_log_alone(database):
    name = _use(database, population="adults")

    with database.changing(SYSTEM) as change:
        same = USES.change(change, name, {"population": "adults"}, 1)

    assert same.revision == 1
    with database.reading() as connection:
        assert len(list(entries(connection))) == 2


def test_a_rehearsed_change_reads_as_done_and_leaves_nothing(database):
    name = _use(database, population="adults")

    with database.rehearsing(SYSTEM) as change:
        tried = USES.change(change, name, {"population": "children"}, 1)
    with pytest.raises(Stale), database.rehearsing(SYSTEM) as change:
        USES.change(change, name, {"population": "children"}, 5)

    assert (tried.revision, tried.population) == (2, "children")
    with database.reading() as connection:
        assert USES.get(connection, name).population == "adults"
        assert len(list(entries(connection))) == 2
    with database.changing(SYSTEM) as change:
        assert USES.change(change, name, {"tier": "high"}, 1).revision == 2


@pytest.mark.parametrize(
    ("patch", "field"), [({"tier": "enormous"}, "tier"), ({"teir": "high"}, "teir"), ({"name": ""}, "name")]
)
def test_a_field_that_cannot_hold_its_value_is_named(database, patch, field):
    name = _use(database)

    with pytest.raises(BadField) as refused, database.changing(SYSTEM) as change:
        USES.change(change, name, patch, 1)

    assert refused.value.field == field


def test_what_may_stand_once_cannot_be_added_twice(database):
    with database.changing(SYSTEM) as change:
        product = PRODUCTS.add(change, ProductFields(name="Sepsis alert"))
        VERSIONS.add(change, VersionFields(product=product.id, label="3.1"))

    with pytest.raises(AlreadyThere), database.changing(SYSTEM) as change:
        VERSIONS.add(change, VersionFields(product=product.id, label="3.1"))


def test_a_reference_to_nothing_is_a_bad_field_and_an_unknown_name_is_no_record(database):
    with pytest.raises(BadField), database.changing(SYSTEM) as change:
        USES.add(change, UseFields(product="product-none", name="Sepsis"))
    with pytest.raises(NoSuchRecord), database.reading() as connection:
        USES.get(connection, "use-none")


@pytest.mark.parametrize("descending", [False, True])
def test_pages_give_every_record_once_in_order_with_empty_values_last(database, descending):
    topics = ["b", None, "a", "b", "c", None, "a"]
    with database.changing(SYSTEM) as change:
        product = PRODUCTS.add(change, ProductFields(name="Sepsis alert"))
        USES.add_many(change, [UseFields(product=product.id, name=f"u{i}", topic=t) for i, t in enumerate(topics)])

    seen, cursor = [], None
    with database.reading() as connection:
        while True:
            page = USES.page(connection, order="topic", descending=descending, limit=2, cursor=cursor)
            seen += page.items
            cursor = page.next
            if cursor is None:
                break

    order = ["a", "a", "b", "b", "c"]
    assert [u.topic for u in seen] == [*(order[::-1] if descending else order), None, None]
    assert len({u.id for u in seen}) == len(topics)


def test_a_site_stands_below_a_higher_level_only_and_knows_its_path(database):
    with database.changing(SYSTEM) as change:
        system = SITES.add(change, SiteFields(name="House", level=SiteLevel.SYSTEM), "house")
        hospital = SITES.add(change, SiteFields(name="North", level=SiteLevel.HOSPITAL, parent=system.id), "north")
    assert hospital.path == "/house/north/"

    for parent, level in (("north", SiteLevel.REGION), ("nowhere", SiteLevel.UNIT)):
        with pytest.raises(BadField), database.changing(SYSTEM) as change:
            SITES.add(change, SiteFields(name="Wrong", level=level, parent=parent))


def test_fifty_writers_lose_no_update(database, whole):
    name = _use(database)
    writers, edits = (50, 200) if whole else (8, 12)
    refused = []

    def write(writer: int) -> None:
        for edit in range(edits):
            while True:
                with database.reading() as connection:
                    read = USES.get(connection, name)
                try:
                    with database.changing(SYSTEM) as change:
                        counted = int(read.topic or 0) + 1
                        USES.change(change, name, {"topic": str(counted), "users": f"{writer}-{edit}"}, read.revision)
                    break
                except Stale:
                    refused.append(writer)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with database.reading() as connection:
        final = USES.get(connection, name)
    assert (final.topic, final.revision) == (str(writers * edits), writers * edits + 1)


def test_the_tables_are_what_this_release_declares_and_a_second_migration_does_nothing(database):
    with database.reading() as connection:
        assert differences(connection) == []
    assert migrate(database) == migrate(database) == ScriptDirectory.from_config(_config()).get_current_head()


def test_a_step_is_never_undone_and_the_error_names_the_backup(database):
    with database.unrecorded() as connection, pytest.raises(NoWayBack, match=r"step \d+ cannot be undone") as refused:
        downgrade(config_of(connection), "base")

    assert "backup" in refused.value.fix
    with database.reading() as connection:
        assert differences(connection) == []


def test_a_database_of_a_later_release_is_left_alone(database):
    with database.unrecorded() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(NewerDatabase):
        migrate(database)


@pytest.mark.parametrize(
    ("version", "sound"),
    [
        ((3, 40, 1), False),  # Debian 12's
        ((3, 44, 6), True),
        ((3, 44, 5), False),
        ((3, 50, 7), True),
        ((3, 51, 1), False),
        ((3, 51, 3), True),
        ((3, 53, 4), True),
    ],
)
def test_the_write_ahead_log_is_used_only_where_sqlite_has_its_repair(version, sound):
    assert wal_is_sound(version) is sound
