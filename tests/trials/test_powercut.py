"""Power cuts in short: a server that syncs keeps every promise, and one that does not is found out."""

from __future__ import annotations

from pathlib import Path

import pytest

from trials.powercut.__main__ import main
from trials.powercut.plan import Outcome, Plan
from trials.powercut.processes import BREAKS
from trials.powercut.run import run

SHORT = {"families": 1, "deeds": 1, "eras": 1, "sweep_minutes": 60.0, "dice": 1, "skips_moving_in": True}


@pytest.mark.usefixtures("cheap_hashes")
async def test_no_power_cut_breaks_a_promise(tmp_path: Path) -> None:
    outcome = await run(Plan(1, **SHORT), tmp_path)  # type: ignore[arg-type]
    assert outcome.told == []
    assert outcome.accepted and outcome.points > 100 and outcome.states > 100 and outcome.checks > 100


@pytest.mark.usefixtures("cheap_hashes")
async def test_a_server_that_does_not_sync_is_found_out(tmp_path: Path) -> None:
    outcome = await run(Plan(2, broken="files", **SHORT), tmp_path)  # type: ignore[arg-type]
    assert outcome.accepted
    assert {"silent", "torn"} <= outcome.violations.keys()


def outcome_of(plan: Plan) -> Outcome:
    """As if all were well."""
    outcome = Outcome(runs=1, accepted=3)
    outcome.violations.update({"torn": 1} if plan.broken else {})
    return outcome


@pytest.mark.parametrize("spoilt", ["nothing", "a run", *BREAKS])
def test_it_fails_when_a_promise_is_broken_or_a_break_is_not_seen(
    spoilt: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def outcomes(plans: list[Plan], jobs: int) -> list[tuple[Plan, Outcome]]:
        found = [(plan, outcome_of(plan)) for plan in plans]
        for plan, outcome in found:
            if (plan.broken or "a run") == spoilt:
                outcome.violations = outcome_of(Plan(0, broken=None if plan.broken else "files")).violations
        return found

    monkeypatch.setattr("trials.powercut.__main__._run_all", outcomes)
    monkeypatch.setattr("sys.argv", ["powercut", "--runs=2"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == (0 if spoilt == "nothing" else 1)
    assert "promises broken" in capsys.readouterr().out
