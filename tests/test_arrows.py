"""Every room imports only from rooms above it, so that a reader can start at the top and never has to look down."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "toybackend"
FOUNDATION = {"errors", "models", "settings"}
CORE = FOUNDATION | {"protocol", "ports"}
EDGES = CORE | {"services"}

SEES: dict[str, set[str]] = {
    "errors": set(),
    "models": set(),
    "settings": {"errors"},
    "secret_key": {"errors", "durable"},
    "foundations": {"errors", "settings", "secret_key", "durable"},
    "durable": set(),
    "descriptors": {"settings"},
    "heap": set(),
    "covers": {"errors"},
    "metrics": set(),
    "logs": FOUNDATION,
    "protocol": FOUNDATION,
    "upload": FOUNDATION | {"protocol"},
    "ports": FOUNDATION,
    "services": CORE | {"covers", "durable"},
    "databases": FOUNDATION | {"ports"},
    "audio_stores": FOUNDATION | {"ports", "durable"},
    "buses": FOUNDATION | {"ports"},
    "transcoder": FOUNDATION | {"ports"},
    "gateway": EDGES | {"upload", "metrics", "heap"},
    "web": EDGES | {"metrics", "heap"},
    "client": {"errors", "models", "protocol"},
    "house": EDGES | {"foundations", "databases", "audio_stores", "buses", "transcoder", "gateway", "web", "metrics"},
    "app": EDGES | {"house", "foundations", "transcoder", "gateway", "web", "metrics"},
    "commands": EDGES
    | {"house", "app", "descriptors", "heap", "durable", "foundations", "client", "transcoder", "logs"},
    "__init__": set(),
    "__main__": {"commands"},
}
"""What each room may import, besides itself and the version in `toybackend/__init__.py`."""


def room(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(file: Path) -> set[str]:
    """The rooms a module imports from, wherever in it."""
    names: list[str] = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are written in full"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    ours = [name.split(".") for name in names if name.startswith("toybackend.")]
    return {parts[1] for parts in ours if parts[1] != "__version__"}


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_module_imports_only_from_rooms_above_it(file: Path) -> None:
    assert imported(file) <= SEES[room(file)] | {room(file)}


def test_the_arrows_form_no_circle() -> None:
    seen: set[str] = set()
    while nxt := {one for one, above in SEES.items() if one not in seen and above <= seen}:
        seen |= nxt
    assert seen == set(SEES)
