"""The page of an export."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from toybackend.services.export_page import export_page

NASTY = "\"><img src=x onerror=alert(1)>&'"


def record(**more: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        name: [] for name in ("sessions", "toys", "contacts", "groups", "conversations", "library")
    }
    return {"exported_at": "2026-11-21T08:00:00Z", "account": {"id": "p_1", "name": "Mum"}, **empty, **more}


class Reader(HTMLParser):
    """Tags, attributes and text of a page, as a browser understands them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def said(**more: Any) -> dict[str, Any]:
    copies = [{"id": "t_1", "name": "Bear", "state": "heard"}]
    common = {"id": "m_1", "sender_id": "p_1", "sender_name": "Mum", "accepted_at": "then", "state": "published"}
    return {**common, "text": None, "copies": copies, **more}


def test_an_empty_export_has_a_page() -> None:
    page = Reader(export_page(record()))
    assert "Everything of Mum" in page.text
    assert "Made on 2026-11-21T08:00:00Z" in page.text


def test_a_voice_can_be_played_from_the_page() -> None:
    conversation = {"id": "p_1+t_1", "messages": [said(file="audio/m_1.mp3")]}
    page = Reader(export_page(record(conversations=[conversation])))
    assert ("audio", {"controls": None, "preload": "none", "src": "audio/m_1.mp3"}) in page.tags
    assert "Conversation: Mum and Bear" in page.text


def test_a_voice_without_sound_says_what_became_of_it() -> None:
    conversation = {"id": "p_1+t_1", "messages": [said(state="failed")]}
    assert "failed" in Reader(export_page(record(conversations=[conversation]))).text


def test_whatever_anybody_wrote_is_text() -> None:
    conversation = {"id": NASTY, "messages": [said(sender_name=NASTY, text=NASTY)]}
    toy = {"id": "t_1", "name": NASTY, "guardians": [], "consents": [], "played": [{"title": NASTY}]}
    group = {"id": "g_1", "name": NASTY, "members": [{"name": NASTY, "since_at": "then"}]}
    item = {"title": NASTY, "category": NASTY, "added_at": "then", "file": "audio/i_1.mp3"}
    contact = {name: NASTY for name in ("name", "nickname", "state", "is_blocked", "since_at")}
    page = Reader(
        export_page(
            record(
                account={"id": "p_1", "name": NASTY},
                conversations=[conversation],
                toys=[toy],
                groups=[group],
                library=[item],
                contacts=[contact],
            )
        )
    )
    assert {tag for tag, _ in page.tags} <= {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "code", "section", "table", "tr",
        "th", "td", "b", "br", "audio",
    }  # fmt: skip
    assert page.text.count(NASTY) >= 12
