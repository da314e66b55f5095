"""The page of an export that a person reads: no scripts, no styles from elsewhere, and everything escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

Record = Mapping[str, Any]

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; media-src 'self' file:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse }} td, th {{ text-align: left; padding: .2rem 1rem .2rem 0; vertical-align: top }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def export_page(record: Record) -> str:
    """An export as HTML; `record` as in its `index.json`."""
    account = record["account"]
    parts = [
        f"<p>Made on {_text(record['exported_at'])}. The same, for programs, is in <code>index.json</code>.</p>",
        _section("Account", _table(("", ""), account.items())),
        *(_toy(toy) for toy in record["toys"]),
        _section("Contacts", _rows(record["contacts"], "name", "nickname", "state", "is_blocked", "since_at")),
        *(_group(group) for group in record["groups"]),
        _section("Own recordings", _rows(record["library"], "title", "category", "added_at", "file")),
        *(_conversation(one, _names(record)) for one in record["conversations"]),
    ]
    return _PAGE.format(title=_text(f"Everything of {account.get('name', '')}"), body="\n".join(parts))


def _toy(toy: Record) -> str:
    settings = [(name, value) for name, value in toy.items() if not isinstance(value, list)]
    return _section(
        f"Toy: {toy['name']}",
        _table(("", ""), settings),
        "<h3>Guardians</h3>" + _rows(toy["guardians"], "name", "role", "since_at"),
        "<h3>Consent</h3>" + _rows(toy["consents"], "given_at", "version", "withdrawn_at"),
        "<h3>Played</h3>" + _rows(toy["played"], "title", "started_at", "stopped_at"),
    )


def _group(group: Record) -> str:
    return _section(f"Group: {group['name']}", _rows(group["members"], "name", "since_at"))


def _conversation(conversation: Record, names: Mapping[str, str]) -> str:
    parties = conversation["id"].split("+")
    who = " and ".join(names.get(one, one) for one in parties)
    return _section(f"Conversation: {who}", "".join(_message(one) for one in conversation["messages"]))


def _message(message: Record) -> str:
    said = _sound(message["file"]) if message.get("file") else _text(message["text"] or message["state"])
    return f"<p><b>{_text(message['sender_name'])}</b> {_text(message['accepted_at'])}<br>{said}</p>"


def _names(record: Record) -> dict[str, str]:
    """What everybody in the conversations is called."""
    names = {one["id"]: one["name"] for one in (record["account"], *record["toys"], *record["groups"]) if one}
    for message in (message for one in record["conversations"] for message in one["messages"]):
        names |= {copy["id"]: copy["name"] for copy in message["copies"]}
        names[message["sender_id"]] = message["sender_name"]
    return names


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{_text(title)}</h2>{''.join(parts)}</section>"


def _rows(rows: Iterable[Record], *names: str) -> str:
    return _table(
        names,
        ([_sound(row[name]) if name == "file" and name in row else row.get(name) for name in names] for row in rows),
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    titles = "".join(f"<th>{_text(one.replace('_', ' '))}</th>" for one in head)
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{titles}</tr>{body}</table>" if body else "<p>None.</p>"


class _Markup(str):
    """Ours, and safe as it is."""


def _sound(file: str) -> _Markup:
    return _Markup(f'<audio controls preload="none" src="{escape(file)}"></audio>')


def _text(value: Any) -> str:
    if isinstance(value, _Markup):
        return value
    return "" if value is None else escape(str(value))
