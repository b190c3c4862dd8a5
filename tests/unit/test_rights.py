"""Each route says what it needs; who may not do that is refused before it is asked for anything."""

from __future__ import annotations

import pytest

from app.access.callers import LOCAL, Caller
from app.access.rights import NOTHING, Right, Role, Scope, Sight
from app.config import Settings
from app.errors import DocumentNotFound, NotAllowed
from app.main import create_app
from app.web.access import PLACES
from tests.routes import registered, unguarded

APP = create_app(Settings(_env_file=None), worker=False)
ROUTES = list(registered(APP))


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_every_route_says_what_it_needs(route: object) -> None:
    assert route.declared, (  # type: ignore[attr-defined]
        f"{route} does not say who may use it. Put one line under its @router line, such as "
        "@needs(Right.READ) (from app.web.access import needs; from app.access.rights import "
        "Right): READ to see what is in a knowledge base, ASK to have a question answered, WRITE "
        "to change what is in it, MANAGE to change the knowledge base itself, ADMIN for Tidemark "
        "as a whole, KNOWN for anybody signed in, OPEN for everybody. Undeclared, it is for "
        "administrators alone."
    )


@pytest.mark.parametrize("route", [r for r in ROUTES if not r.openai], ids=str)
def test_every_part_of_an_address_leads_to_its_knowledge_base(route: object) -> None:
    unknown = route.parameters - set(PLACES)  # type: ignore[attr-defined]
    sees_all = route.right in {Right.OPEN, Right.ADMIN}  # type: ignore[attr-defined]
    assert not unknown or sees_all, (
        f"{route} has {sorted(unknown)} in its address: add each to PLACES in app/web/access.py, "
        "with what looks the thing up and calls `sight.check(knowledge_base_id, missing)` for it, "
        "so that it is not there for those who may not see its knowledge base."
    )


def test_nothing_else_answers_but_what_everybody_may_have() -> None:
    # /mcp asks each of its tools' callers: tests/integration/test_mcp.py
    assert unguarded(APP) == {"/static", "/api/openapi.json", "/mcp"}


def test_a_route_that_forgot_to_say_is_for_administrators_alone() -> None:
    from app.web.access import right_of

    assert right_of(lambda: None) is Right.ADMIN


def test_the_tests_see_the_routes() -> None:
    assert {"GET /documents", "DELETE /api/documents/{document_id}", "POST /v1/embeddings"} <= {
        str(route) for route in ROUTES
    }


def test_what_changes_something_needs_more_than_reading() -> None:
    reading = {Right.READ, Right.KNOWN, Right.OPEN}
    weak = [str(r) for r in ROUTES if r.method != "GET" and r.right in reading]
    computing = ["classification", "similarity"]  # which are told texts, and change nothing
    assert weak == [
        *(f"POST /api/knowledge-bases/{{name}}/{each}" for each in computing),
        *("POST /sign-in", "POST /welcome"),  # which a password and a link protect
    ]


def test_what_may_not_be_seen_is_missing_and_what_may_only_be_read_is_refused() -> None:
    missing = DocumentNotFound("There is no document 7.")
    sight = Sight({1: Role.READER, 2: Role.EDITOR}, Role.EDITOR)
    sight.check(2, missing)
    with pytest.raises(NotAllowed, match="yours is reader"):
        sight.check(1, missing)
    with pytest.raises(DocumentNotFound):
        sight.check(3, missing)
    with pytest.raises(DocumentNotFound):
        NOTHING.check(1, missing)


def test_a_key_does_what_its_scopes_say_and_no_more() -> None:
    reader = Caller("a program", None, frozenset({Scope.READ}))
    assert reader.sight(Right.READ).roles is None
    assert reader.sight(Right.KNOWN).roles is None
    for right in (Right.WRITE, Right.ASK, Right.EMBED, Right.MANAGE, Right.ADMIN):
        with pytest.raises(NotAllowed, match="lacks the scope"):
            reader.sight(right)


def test_administering_every_knowledge_base_is_not_administering_tidemark() -> None:
    with pytest.raises(NotAllowed):
        Caller("somebody", {1: Role.ADMINISTRATOR}).sight(Right.ADMIN)
    assert LOCAL.sight(Right.ADMIN).roles is None


def test_an_open_route_sees_no_knowledge_base() -> None:
    assert LOCAL.sight(Right.OPEN) == NOTHING
