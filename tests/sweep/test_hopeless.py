"""What a rule would end, in a sweep: the driver spares what is among the best, and ends the rest as hopeless."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.sweeps import records, sweep
from tests.support.tiny import write_task
from tuner.announcements import TrialEnded
from tuner.disk import events
from tuner.execution import InProcessExecutor
from tuner.link import Link
from tuner.messages import Ended, Epoch, Report, State, TrialSpec

CURVES = ([0.6, 0.5, 0.45], [0.65, 0.6, 0.58], [0.55, 0.44, 0.4], [0.69, 0.69, 0.69], [0.66, 0.6, 0.57])
"""Validation loss of each trial by epoch; the trivial predictor's is 0.69."""
AFTER, ASKING = 2, {2, 3, 4}
"""Epoch after which a rule would end these: the best, the worst, and one that learned a real part."""


def scripted(spec: TrialSpec, link: Link) -> Ended:
    """A trial whose curve is known, and which a rule finds hopeless."""
    curve = CURVES[spec.number]
    for epoch, value in enumerate(curve, 1):
        record = Epoch(epoch=epoch, time=time.time(), metrics={"val/loss": value, "train/loss": value})
        why = "stuck at trivial: it stands" if spec.act and epoch == AFTER and spec.number in ASKING else ""
        report = Report(
            run=spec.run,
            attempt=spec.attempt,
            epochs=(record,),
            value=min(curve[:epoch]),
            waiting=bool(why),
            hopeless=why,
        )
        answer = link.send(report)
        if answer is not None and answer.end is not None:
            ended: dict[str, Any] = {"state": answer.end, "reason": why, "value": min(curve[:epoch]), "epochs": epoch}
            return Ended(run=spec.run, attempt=spec.attempt, **ended)
    return Ended(run=spec.run, attempt=spec.attempt, state=State.COMPLETED, value=min(curve), epochs=len(curve))


@pytest.mark.parametrize("mode", ["act", None])
def test_the_leading_trial_goes_on_and_a_bad_one_is_hopeless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str | None
) -> None:
    """Where the sweep acts; by default no rule ends a trial."""
    monkeypatch.chdir(tmp_path)
    more = "objective: {metric: val/loss}\nconfirm: {top: 0}\npruner: {name: none}\n"
    more += f"diagnostics: {{mode: {mode}}}" if mode else "# diagnostics: left as they are"
    path = write_task(tmp_path, trials=len(CURVES), more=more)
    outcome, told = sweep(path, executor=InProcessExecutor(f"{__name__}:scripted"))
    trials = records(path)
    bad = State.HOPELESS if mode == "act" else State.COMPLETED
    assert [trial.state for trial in trials] == [State.COMPLETED] * 3 + [bad, State.COMPLETED]
    assert outcome.summary is not None
    assert outcome.summary.winner == "trial 2"
    assert ("1 hopeless" in outcome.summary.headline) == (mode == "act")
    if mode != "act":
        return
    assert (trials[3].value, trials[3].reason, len(trials[3].epochs)) == (0.69, "stuck at trivial: it stands", AFTER)
    assert [event.state for event in told.of(TrialEnded)][3] == "HOPELESS"
    asked = {
        trial.number: event
        for trial in trials
        for event in events.read(path.parent / "mlruns/studies/tiny" / trial.run / "events.jsonl")
        if event["event"] == "hopeless"
    }
    assert {number: event["verdict"] for number, event in asked.items()} == {2: "CONTINUE", 3: "STOP", 4: "CONTINUE"}
    assert asked[2]["reason"] == "epoch 2: 0.44, rank 1 of 3; only the best goes on"
    assert asked[4]["reason"].startswith("epoch 2: 0.6, rank 3 of 5, 3")
