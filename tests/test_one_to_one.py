"""Every module has the test file of its name, `toybackend/a/b.py` ↔ `tests/a/test_b.py`, or a place in this list."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "toybackend"

WITHOUT_BEHAVIOUR = {
    "__main__": "calls `commands/cli.py`",
    "databases/tables": "declarations; `databases/test_migrate.py` holds the migrations to them",
    "transcoder/limits": "one dataclass",
    "web/rooms": "dataclasses",
}
ELSEWHERE = {
    "client/endpoint": "client/test_phone.py",
    "client/failures": "client/test_api.py",
    "databases/accounts": "contracts/test_accounts.py",
    "databases/claims": "contracts/test_toys.py",
    "databases/contacts": "contracts/test_contacts.py",
    "databases/copies": "contracts/test_copies.py",
    "databases/counts": "contracts/test_counts.py",
    "databases/devices": "contracts/test_devices.py",
    "databases/erasing": "contracts/test_erasing.py",
    "databases/exports": "services/test_exporting.py",
    "databases/groups": "contracts/test_groups.py",
    "databases/guardians": "contracts/test_toys.py",
    "databases/library": "contracts/test_library.py",
    "databases/mailboxes": "contracts/test_mailboxes.py",
    "databases/messages": "contracts/test_messages.py",
    "databases/relations": "contracts/test_relations.py",
    "databases/revisions": "contracts/test_tokens.py",
    "databases/toys": "contracts/test_toys.py",
    "databases/upgrade": "databases/test_migrate.py",
    "foundations": "test_house.py",
    "services/backups": "commands/test_backup.py",
    "web/metering": "test_metrics.py",
    "transcoder/conversion": "transcoder/test_convert.py",
    "transcoder/job": "transcoder/test_convert.py",
    "transcoder/kernel": "transcoder/test_sandbox.py",
}
"""Modules whose behaviour is that of something larger, and where that is tested."""

# The ports are Protocols; whatever they promise is tested in `contracts/`.
MODULES = sorted(
    str(file.relative_to(PACKAGE).with_suffix(""))
    for file in PACKAGE.rglob("*.py")
    if file.stem != "__init__" and {"migrations", "ports"}.isdisjoint(file.parts)
)


def has_its_file(module: str) -> bool:
    file = TESTS / module
    return file.with_name(f"test_{file.name}.py").is_file()


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_test_file_or_is_listed(module: str) -> None:
    assert has_its_file(module) is (module not in ELSEWHERE | WITHOUT_BEHAVIOUR)


def test_the_lists_name_what_there_is() -> None:
    assert {*ELSEWHERE, *WITHOUT_BEHAVIOUR} <= set(MODULES)
    assert all((TESTS / place).exists() for place in ELSEWHERE.values())
