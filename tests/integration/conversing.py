"""Conversations as programs hold them: questions and follow-ups over HTTP, and their events."""

from __future__ import annotations

from typing import Any

import httpx

from tests import event_stream


def begin(http: httpx.Client, base: str, question: str = "When does the tide turn?") -> Any:
    reply = http.post(f"/api/knowledge-bases/{base}/conversations", json={"question": question})
    assert reply.status_code == 201, reply.text
    return reply.json()


def follow_up(http: httpx.Client, turn: Any, question: str, **more: Any) -> Any:
    body = {"question": question, "parent": turn["id"], **more}
    reply = http.post(f"/api/conversations/{turn['conversation']}/turns", json=body)
    assert reply.status_code == 201, reply.text
    return reply.json()


def events(http: httpx.Client, turn: Any) -> list[tuple[str, Any]]:
    """All events of a turn's answer, waited for."""
    with http.stream("GET", f"/api/turns/{turn['id']}/events") as reply:
        assert reply.status_code == 200
        return list(event_stream.events(reply.iter_lines()))


def conversation(http: httpx.Client, turn: Any) -> Any:
    return http.get(f"/api/conversations/{turn['conversation']}").json()
