"""The folder, in memory where there is room, in which what a power cut left is put for somebody to open."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

from trials.powercut.disk import State

DATA = "data"
KEPT = f"{DATA}/audio/kept"
DATABASE = f"{DATA}/toybackend.sqlite3"
INDEX = f"{DATABASE}-shm"
NOISE = random.Random(1).randbytes(32768)
"""In place of the database's index, whose stores nobody recorded: SQLite must not believe it."""


class Stage:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / DATA
        self._kept: list[str] = []
        """Files of sounds that were put here last."""

    def put(self, state: State) -> None:
        """What was here before goes, whatever was made of it."""
        self._clear(state)
        for folder in sorted(state.folders):
            path = f"{self.folder}/{folder}"
            if not os.path.isdir(path):
                os.mkdir(path, 0o700)
        for name, (_, data) in state.files.items():
            with open(os.open(f"{self.folder}/{name}", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(NOISE if name == INDEX else data)
        self._kept = [name for name in state.files if name.startswith(f"{KEPT}/")]

    def _clear(self, state: State) -> None:
        kept = self.folder / KEPT
        if not (kept.is_dir() and {f"{KEPT}/{one}" for one in os.listdir(kept)} <= state.folders):
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir()
            return
        # The house has hundreds of folders, and this one wants the same: only what is in them goes.
        for sound in self.sounds():
            sound.unlink()
        for path in (*self.data.iterdir(), *kept.parent.iterdir()):
            if path.is_file():
                path.unlink()
            elif path not in (kept, kept.parent):
                shutil.rmtree(path)

    def sounds(self) -> list[Path]:
        """What is kept now. A house makes no file in a folder that nothing was kept in, except the MP3 beside a
        recording."""
        folders = {(self.folder / name).parent for name in self._kept}
        return [path for folder in folders for path in folder.iterdir()]
