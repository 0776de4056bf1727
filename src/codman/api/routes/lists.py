"""What every list may be asked: how many, from where, in which order; and the shape of its reply."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import Answer, Operation
from codman.api.replies import Reply
from codman.registry.records import Page

Limit = Annotated[int, Field(ge=1, le=500, description="How many at most, 1 to 500")]
Cursor = Annotated[
    str, Field(min_length=1, max_length=2000, description="Where to go on: what the page before gave as `next`")
]
Words = Annotated[str, Field(min_length=1, max_length=300, description="Words that must all be found")]
Values = Annotated[list[Annotated[str, Field(min_length=1, max_length=400)]], Field(max_length=100)]

CONFIG: Final = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Asked(BaseModel):
    """What any list may be asked."""

    model_config = CONFIG

    limit: Limit = 50
    cursor: Cursor | None = Field(default=None, description="Where to go on: what the page before gave as `next`")


def asked(
    name: str, *, filters: Sequence[str], orders: Sequence[str], words: bool, first: str, opposites: bool = False
) -> type[BaseModel]:
    """The query of a list as a model.

    Args:
        name: What to call it in the OpenAPI document.
        filters: Fields that it can be narrowed by; a field given several times means any of the values.
        orders: Fields it can be sorted by; with `-` in front, the largest first.
        words: Whether it can be searched.
        first: The order where none is asked.
        opposites: Whether each filter may also be turned round, as not_<field>.
    """
    fields: dict[str, Any] = {
        field: (
            Values,
            Field(
                default_factory=list,
                description=f"Only with this `{field}`; repeat for any of several; `(missing)` is an empty one",
            ),
        )
        for field in filters
    }
    if opposites:
        fields |= {
            f"not_{field}": (Values, Field(default_factory=list, description=f"Only without this `{field}`"))
            for field in filters
        }
    if words:
        fields["q"] = (Words | None, Field(default=None, description="Words that must all be found"))
    signed = tuple(word for order in orders for word in (order, f"-{order}"))
    fields["order"] = (
        Literal[signed],
        Field(default=first, description="What to sort by; with - in front, the largest first"),
    )
    return create_model(name, __base__=Asked, __doc__=f"What the list may be asked: {name}.", **fields)


def list_of(item: type[BaseModel], name: str) -> type[BaseModel]:
    """The reply of a list as a model."""
    return create_model(
        name,
        __config__=CONFIG,
        __doc__=f"A page of {name.removesuffix('List')} records.",
        items=(list[item], Field(description="The records, in order")),  # type: ignore[valid-type]
        next=(str | None, Field(description="The cursor of the next page; null on the last")),
    )


def filters_of(query: Any, filters: Sequence[str], prefix: str = "") -> Mapping[str, Sequence[str]]:
    """The filters that were given, by field."""
    given = {field: getattr(query, prefix + field) for field in filters}
    return {field: values for field, values in given.items() if values}


def order_of(query: Any) -> tuple[str, bool]:
    """The field to sort by, and whether the largest come first."""
    return query.order.removeprefix("-"), query.order.startswith("-")


def wanted(call: Call, filters: Sequence[str]) -> dict[str, Any]:
    """What a request wants of a list, as the flows' arguments."""
    order, descending = order_of(call.query)
    return {
        "where": filters_of(call.query, filters),
        "order": order,
        "descending": descending,
        "limit": call.query.limit,
        "cursor": call.query.cursor,
    }


def listing(
    path: str,
    summary: str,
    description: str,
    find: Callable[..., Page[Any]],
    *,
    tag: str,
    action: str,
    of: type[BaseModel],
    filters: Sequence[str],
    called: str | None = None,
    orders: Sequence[str] = ("created_at", "updated_at"),
    first: str = "-created_at",
) -> Operation:
    """The operation that lists records, a page at a time.

    Args:
        path: Where they are listed; the operation is named after it, e.g. list_change_plans for /change-plans.
        summary: What it does, in a few words.
        description: Which records are listed.
        find: Gives a page of them: takes the house, the reader and what was wanted.
        tag: The part of the document it stands in.
        action: What the reader must be allowed to do.
        of: What is listed.
        filters: Fields that the list can be narrowed by.
        called: What its records are called in the OpenAPI document; as the model without.
        orders: Fields it can be sorted by.
        first: The order where none is asked.
    """

    def do(call: Call) -> Reply:
        page = find(call.house, call.reader, **wanted(call, filters))
        return replies.listed(page.items, page.next)

    called = called or of.__name__
    return Operation(
        method="GET",
        path=path,
        name="list" + path.replace("/", "_").replace("-", "_"),
        tag=tag,
        action=action,
        summary=summary,
        description=description,
        do=do,
        query=asked(f"{called}Question", filters=filters, orders=orders, words=False, first=first),
        answers=(Answer(200, "A page of them", list_of(of, f"{called}List")),),
    )
