"""What several commands share: their options, and the settings these override."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from toybackend.settings import PREFIX, Settings, read_settings

DataDir = Annotated[
    Path | None, typer.Option("--data", help="Data folder; overrides TOYBACKEND_DATA_DIR.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.")]


def settings_for(data: Path | None, **given: str | int | bool | None) -> Settings:
    """The settings of the environment, but for what was given as an option, by its variable's name in lower case.
    Raises BadSettings."""
    options = {"data_dir": data, **given}
    named = {PREFIX + name.upper(): str(value) for name, value in options.items() if value is not None}
    return read_settings({**os.environ, **named})
