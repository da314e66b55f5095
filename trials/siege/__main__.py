"""2,000 sockets that never say hello, 500 that never read, 200 slow HTTP readers and 200 slow HTTP senders at once, and
then floods of every kind, while families talk, download and come in.

Goals: for those families, the p95 of each thing they do stays within twice that of quiet times, measured just before,
and nothing fails; and after the siege the server's memory is within a tenth of what it was.
"""

from __future__ import annotations

import argparse

from trials import command
from trials.siege.run import WAVES, Plan, siege


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="waves whose name has this in it (default: all)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each wave, the first one twice (default 30)")
    parser.add_argument("--keep", action="store_true", help="keep the data folder and the log")
    given = parser.parse_args()
    waves = [wave for wave in WAVES if given.only in wave.name]
    if not waves:
        parser.error("there is no such wave")
    plan = Plan(waves, quiet_seconds=given.seconds, wave_seconds=given.seconds, siege_seconds=2 * given.seconds)
    command.run("siege", lambda folder: siege(folder, plan, command.tell), keeps_folder=given.keep)


if __name__ == "__main__":
    main()
