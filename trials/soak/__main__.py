"""Mixed traffic for as long as you like, and a model of what must be true that every frame is held against.

Families talk in voices and texts, toys answer, groups, urgent words in quiet hours; people read and delete, download
whole and in part, set volumes and hours, play songs, block, log out and in, hand a toy on; sockets are torn down, go
deaf, are slow; the server is killed and restarted. Goals: every count of what must not be is 0, the memory does not
grow, and the p99 of short messages while twenty long ones convert is at most three times the quiet one.
"""

from __future__ import annotations

import argparse

from trials import command
from trials.soak.report import Plan
from trials.soak.run import Soak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0, help="default 30; a third of it with restarts")
    parser.add_argument("--seed", type=int, default=1, help="of the dice (default 1)")
    parser.add_argument("--keep", action="store_true", help="keep the data folder and the log")
    given = parser.parse_args()
    plan = Plan.of(given.minutes)
    command.run(
        "soak", lambda folder: Soak(folder, plan, seed=given.seed, tell=command.tell).run(), keeps_folder=given.keep
    )


if __name__ == "__main__":
    main()
