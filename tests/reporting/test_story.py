"""The stories of a study and of a trial, from records."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from typing import Any

import pytest

from tests.support.trained import dead, trained, vanishing
from tuner.diagnostics.finding import Finding
from tuner.disk.events import RunRecord
from tuner.errors import StudyError
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting.about import About, findings
from tuner.reporting.drawing import short
from tuner.reporting.study_story import study_story
from tuner.reporting.trial_story import trial_story

ABOUT = About(
    "fake", Objective("val/accuracy", maximize=True, trivial=0.5), epochs=20, trivial={"loss": 0.7, "accuracy": 0.5}
)


def trial(number: int, *found: Finding, params: dict[str, Any] | None = None, **fields: Any) -> RunRecord:
    """A trial whose searched parameters are those given."""
    record = trained(number, findings=found, **fields)
    record.params = {"layers": 1, **(params or {})}
    record.searched = list(params or {})
    return record


def fatal(name: str) -> Finding:
    """A finding that ends a training."""
    return vanishing(name=name, fatal=True)


class TestStudy:
    def test_a_choice_that_goes_with_a_symptom_is_told(self) -> None:
        """Counts, intervals and the corrected probability should be those of the trials; most frequent first."""
        records = [
            trial(
                n,
                *([vanishing()] if n % 2 else []),
                *([dead()] if n < 3 else []),
                params={"gate_bias": ("chrono", "constant")[n % 2]},
            )
            for n in range(20)
        ]
        story = study_story(records, ABOUT)
        assert [(symptom.name, symptom.share.hits) for symptom in story.symptoms] == [
            ("vanishing_gradient", 10),
            ("dead_units", 3),
        ]
        assert story.judged == story.symptoms[0].share.trials == 20
        assert story.symptoms[0].numbers == tuple(range(1, 20, 2))
        assert story.comparisons == 1  # three trials of twenty cannot be told from chance, whichever they are
        (link,) = story.symptoms[0].links
        assert (link.parameter, link.choice, link.significant) == ("gate_bias", "constant", True)
        assert (link.having.hits, link.having.trials, link.others.hits, link.others.trials) == (10, 10, 0, 10)
        assert link.probability == pytest.approx(2 / math.comb(20, 10))
        assert str(link.having) == "10 of 10 (72 to 100 %)"
        assert not story.symptoms[1].links[0].significant
        assert story.symptoms[1].links[0].probability <= 1
        json.dumps(story.as_json())

    def test_chance_is_not_told(self) -> None:
        """Where symptoms fall at random, a study should tell a link no more often than its level says."""
        draw = random.Random(0)
        told = 0
        for _ in range(150):
            records = []
            for number in range(24):
                found = [finding for finding in (vanishing(), dead()) if draw.random() < 0.35]
                params = {"cell": draw.choice("abc"), "layers": draw.randint(1, 2), "learning_rate": draw.random()}
                records.append(trial(number, *found, params=params, epochs=1))
            told += any(link.significant for symptom in study_story(records, ABOUT).symptoms for link in symptom.links)
        assert told <= 0.1 * 150

    def test_a_finding_in_two_places_counts_once(self) -> None:
        """A trial with dead units in two layers should be one trial with that symptom."""
        story = study_story([trial(0, dead(2), dead(4)), trial(1)], ABOUT)
        assert (story.symptoms[0].share.hits, story.symptoms[0].share.trials) == (1, 2)

    def test_what_is_not_over_is_not_judged(self) -> None:
        """Running and lost trials should be counted as such, and for no symptom."""
        lost = trial(1, state=State.LOST)
        del lost.results["findings"]
        story = study_story([trial(0, dead()), lost, trial(2, epochs=0, state=State.FAILED)], ABOUT)
        assert story.judged == 1
        assert story.states == {"COMPLETED": 1, "LOST": 1, "FAILED": 1}

    def test_a_study_of_an_older_version_is_judged_now(self) -> None:
        """Trials without findings on record should be judged by what they recorded, and that be told."""
        old = trial(0)
        del old.results["findings"]
        for event in old.epochs.values():
            event["metrics"] |= {"val/loss": 0.7, "train/loss": 0.7, "val/accuracy": 0.5}
            event["tensors"] = {"grad": {"rnn.weight": 0.1}}
            del event["profiles"]
        story = study_story([old, trial(1)], ABOUT)
        assert (story.judged, story.rejudged) == (2, 1)
        assert [symptom.name for symptom in story.symptoms] == ["stuck_at_trivial"]
        assert story.symptoms[0].numbers == (0,)
        patient = replace(ABOUT, thresholds={"stuck_at_trivial": {"epochs": 99}})
        assert study_story([old, trial(1)], patient).symptoms == ()

    def test_thresholds_that_nobody_knows_are_told(self) -> None:
        """A study's file that was damaged, or written by a later version, should give a sentence."""
        old = trial(0)
        del old.results["findings"]
        broken: tuple[Any, ...] = (
            {"stuck_at_trivial": {"patience": 3.0}},
            {"gone": {}},
            {"stuck_at_trivial": [1]},
            [1],
            "x",
        )
        for thresholds in broken:
            about = replace(ABOUT, thresholds=thresholds)
            with pytest.raises(StudyError, match="the thresholds of study fake must be those of this version"):
                study_story([old], about)

    def test_a_repair_is_held_against_what_it_repairs_at_the_same_epochs(self) -> None:
        """A longer training should not win by its length; a finding that is gone is cured; repairs are no draws."""
        first = trial(0, vanishing(), epochs=3)
        change = {"number": 0, "finding": "vanishing_gradient", "change": {"gate_bias": ["constant", "chrono"]}}
        better, worse = trial(1, epochs=20, repairs=change), trial(2, vanishing(), epochs=20, repairs=change)
        for epoch, event in better.epochs.items():
            event["metrics"]["val/accuracy"] = 0.8 if epoch <= 3 else 0.99
        for event in worse.epochs.values():
            event["metrics"]["val/accuracy"] = 0.6
        bad = trial(3, state=State.DIVERGED, epochs=1, repairs=change)
        bad.epochs[1]["metrics"]["val/accuracy"] = math.nan
        confirmed = [trial(9, epochs=20), trial(9, epochs=20)]
        for event in confirmed[1].epochs.values():
            event["metrics"]["val/accuracy"] -= 0.001
        story = study_story([first, better, worse, bad], ABOUT, confirmed)
        assert story.judged == 1
        told = {repair.number: repair for repair in story.repairs}
        assert (told[1].epochs, told[1].after, told[1].before) == (3, 0.8, pytest.approx(0.9 - 0.4 / 3))
        assert (told[1].helped, told[1].cured) == (True, True)
        assert (told[2].helped, told[2].cured) == (False, False)
        assert (told[3].helped, told[3].after) == (False, None)
        assert story.helped is not None
        assert (story.helped.hits, story.helped.trials) == (1, 3)

    def test_a_repair_that_cannot_be_compared_is_left_out(self) -> None:
        """One that still runs, or whose trial is not in the study, should not be counted."""
        change = {"number": 0, "finding": "dead_units", "change": {"layers": [2, 1]}}
        story = study_story(
            [trial(0), trial(1, state=State.LOST, repairs=change), trial(2, repairs={**change, "number": 7})], ABOUT
        )
        assert (story.repairs, story.helped) == ((), None)

    def test_what_hopeless_trials_would_have_cost(self) -> None:
        """The epochs that were left, at the trial's own pace; a trial that diverged by itself is none of them."""
        hopeless = trial(0, fatal("stuck_at_trivial"), state=State.HOPELESS, epochs=5)
        diverged = trial(1, fatal("non_finite"), fatal("exploded_loss"), state=State.DIVERGED, epochs=5)
        completed = trial(2, fatal("stuck_at_trivial"))
        told = study_story([hopeless, diverged, completed], ABOUT).hopeless
        assert (told.numbers, told.epochs, told.saved_epochs) == ((0,), 5, 15)
        assert told.saved_seconds == pytest.approx(15 * 12.5 / 5)

    def test_nothing_found(self) -> None:
        """A healthy study should have no symptom, an empty one nothing at all."""
        assert study_story([trial(0), trial(1)], ABOUT).symptoms == ()
        assert study_story([], ABOUT).judged == 0


class TestTrial:
    def test_everything_is_there(self) -> None:
        """Outcome, learning curve, findings with remedies, and the tables of the last look."""
        story = trial_story(trained(findings=(vanishing(), dead())), ABOUT, repaired_by=[9])
        assert (story.title, story.outcome) == ("study fake, trial 3", "completed after 20 epochs")
        assert story.learning == (
            "val/accuracy is best in epoch 20: 0.88, better than 0.5 of the trivial predictor (trivial predictor).",
            "the training loss falls from 1 to 0.05.",
        )
        first = story.findings[0]
        assert (first["title"], first["remedies"]) == (
            "vanishing gradient",
            ["gate_bias: chrono", "forget_bias plus 2", "a shorter input"],
        )
        assert (story.look, story.lag, story.repaired_by) == (20, 200, (9,))
        cell = "stack.forward_cells.0"
        assert story.layers[cell]["memory_time"] == 200.0
        assert set(story.layers[cell]) == {"attenuation", "memory_time", "dead", "saturated", "state_max"}
        assert set(story.gates[f"{cell}/forget"]) == {"mean", "shut", "open", "singular_largest", "singular_least"}
        json.dumps(story.as_json())

    def test_the_gates_of_a_cell_are_together(self) -> None:
        """Blocks that are no gates, such as the candidate, should follow the gates of their own cell."""
        record = trained(layers=2, gates=("forget", "candidate"))
        for quantity in ("gate_mean", "gate_left", "gate_right"):
            table = record.epochs[20]["tensors"][quantity]
            record.epochs[20]["tensors"][quantity] = {gate: table[gate] for gate in table if "forget" in gate}
        assert [short(gate) for gate in trial_story(record, ABOUT).gates] == [
            "layer 1 forget",
            "layer 1 candidate",
            "layer 2 forget",
            "layer 2 candidate",
        ]

    def test_the_best_epoch_is_not_the_last(self) -> None:
        """Both should be told, and a least training loss in between."""
        record = trained(epochs=3)
        for epoch, (accuracy, loss) in enumerate(((0.4, 1.0), (0.45, 0.1), (0.3, 2.0)), 1):
            record.epochs[epoch]["metrics"] |= {"val/accuracy": accuracy, "train/loss": loss}
        assert trial_story(record, ABOUT).learning == (
            "val/accuracy is best in epoch 2: 0.45, no better than 0.5 of the trivial predictor (trivial predictor); "
            "in the last, epoch 3, it is 0.3.",
            "the training loss rises from 1 to 2; its least is 0.1 in epoch 2.",
        )

    @pytest.mark.parametrize(
        ("epochs", "value", "told"),
        [(0, 0.5, "there is no epoch yet."), (2, math.nan, "no epoch has a finite val/accuracy.")],
    )
    def test_without_a_value_that_is_told(self, epochs: int, value: float, told: str) -> None:
        """A run that has nothing should say so."""
        record = trained(epochs=epochs, state=State.LOST)
        for event in record.epochs.values():
            event["metrics"]["val/accuracy"] = value
        story = trial_story(record, ABOUT)
        assert story.learning == (told,)
        assert story.outcome == f"not over after {epochs} epochs"

    def test_without_probes_there_are_no_tables(self) -> None:
        """Where nothing was looked at, the tables should be empty, and findings be judged by what there is."""
        record = trained(epochs=4, state=State.LOST)
        del record.results["findings"]
        for event in record.epochs.values():
            event["tensors"] = {}
        story = trial_story(record, ABOUT)
        assert (story.look, story.layers, story.gates, story.recorded) == (0, {}, {}, False)

    def test_a_divergence_is_found_in_an_old_record(self) -> None:
        """A run of an older version that was not finite should have that finding, with its sentence."""
        record = trained(epochs=2, state=State.DIVERGED, reason="the training loss is nan")
        del record.results["findings"]
        found = findings(record, ABOUT)
        assert found[0].name == "non_finite"
        assert found[0].evidence == "the training loss is nan"
