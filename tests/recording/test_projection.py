import math
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from tests.support.fake_study import METRICS, START, attempt, begin, confirmed, create, end, finished, train, write
from tests.support.recorded import rows, runs_of
from tuner.disk import events
from tuner.disk.folder import StudyFolder, trial_run
from tuner.errors import StudyError
from tuner.recording.projection import Projection


@pytest.fixture
def study(tmp_path: Path) -> StudyFolder:
    """A study whose sweep has started."""
    return begin(tmp_path / "mlruns" / "studies" / "fake")


class TestOneTrial:
    def test_a_finished_trial_is_whole(self, study: StudyFolder, uri: str) -> None:
        """A trial should have its name, parent, tags, searched parameters, curves, facts and times."""
        run = finished(study, 3)
        Projection(study, uri).project_all()
        found = runs_of(study, uri)
        trial, parent = found[run], found["sweep"]
        assert trial.info.run_name == "trial 3"
        assert trial.info.status == "FINISHED"
        assert (trial.info.start_time, trial.info.end_time) == ((START + 3) * 1000, (START + 1000) * 1000)
        assert trial.data.tags["mlflow.parentRunId"] == parent.info.run_id
        expected = {
            "tuner.study": "fake",
            "tuner.run": run,
            "tuner.trial": "3",
            "tuner.kind": "trial",
            "tuner.state": "COMPLETED",
            "tuner.reason": "was completed",
            "mlflow.note.content": "was completed",
            "tuner.attempts": "1",
        }
        assert expected.items() <= trial.data.tags.items()
        assert trial.data.params == {"cell": "gru", "learning_rate": "0.001", "peephole": "-"}
        facts = {"objective": 0.75, "epochs": 5, "seconds": 2.5, "parameters": 1234}
        assert facts.items() <= trial.data.metrics.items()
        history = MlflowClient(uri).get_metric_history(trial.info.run_id, "val/loss")
        assert [(m.step, m.value, m.timestamp) for m in history] == [
            (epoch, 1 / epoch, (START + 10 + epoch) * 1000) for epoch in range(1, 6)
        ]

    def test_findings_and_repairs_can_be_filtered_by(self, study: StudyFolder, uri: str) -> None:
        """What was found, most important first, and whom a trial repairs, should be tags that MLflow's search finds."""
        found = [{"name": name} for name in ("vanishing_gradient", "dead_units", "dead_units")]
        path = create(study, trial_run(0), 0)
        end(path, "COMPLETED", results={"findings": found})
        change = {"number": 0, "finding": "vanishing_gradient", "change": {"gate_bias": ["constant", "chrono"]}}
        end(create(study, trial_run(1), 1, repairs=change), "COMPLETED", results={"findings": []})
        Projection(study, uri).project_all()
        runs = runs_of(study, uri)
        assert runs[trial_run(0)].data.tags["tuner.findings"] == "vanishing_gradient,dead_units"
        assert "tuner.repairs" not in runs[trial_run(0)].data.tags
        assert runs[trial_run(1)].data.tags["tuner.repairs"] == "0"
        assert "tuner.findings" not in runs[trial_run(1)].data.tags
        client = MlflowClient(uri)
        experiments = [runs[trial_run(0)].info.experiment_id]
        (one,) = client.search_runs(experiments, "tags.`tuner.findings` LIKE '%dead_units%'")
        assert one.info.run_id == runs[trial_run(0)].info.run_id

    @pytest.mark.parametrize(
        ("state", "status"),
        [
            ("COMPLETED", "FINISHED"),
            ("PRUNED", "FINISHED"),
            ("HOPELESS", "FINISHED"),
            ("DIVERGED", "FAILED"),
            ("FAILED", "FAILED"),
            ("STOPPED", "KILLED"),
            ("LOST", "SCHEDULED"),
        ],
    )
    def test_every_state_has_its_status(self, study: StudyFolder, uri: str, state: str, status: str) -> None:
        """A state should show as its MLflow status and, word for word, as a tag."""
        run = finished(study, 0, state=state)
        Projection(study, uri, [run]).project_all()
        found = runs_of(study, uri)[run]
        assert found.info.status == status
        assert found.data.tags["tuner.state"] == state

    def test_the_table_of_runs_tells_what_was_cut_from_what_was_completed(self, study: StudyFolder, uri: str) -> None:
        """A name says how a trial ended, unless it was completed; live recording and a name of the user's too."""
        runs = [create(study, trial_run(number), number) for number in range(3)]
        projection = Projection(study, uri)
        projection.project_all()
        before = runs_of(study, uri)
        assert before[trial_run(1)].info.run_name == "trial 1"
        MlflowClient(uri).update_run(before[trial_run(2)].info.run_id, name="mine")
        for path, state in zip(runs, ("COMPLETED", "PRUNED", "HOPELESS"), strict=True):
            end(path, state)
        finished(study, 3, state="HOPELESS")
        Projection(study, uri).project_all()
        names = {run: found.info.run_name for run, found in runs_of(study, uri).items() if run != "sweep"}
        assert list(dict(sorted(names.items())).values()) == [
            "trial 0",
            "trial 1 (pruned)",
            "mine",
            "trial 3 (hopeless)",
        ]

    def test_a_description_of_the_users_stays(self, study: StudyFolder, uri: str) -> None:
        """Whatever a person wrote is not written over, also while the trial runs; what was written here is renewed."""
        paths = [create(study, trial_run(number), number) for number in range(3)]
        projection = Projection(study, uri, [trial_run(number) for number in range(3)])
        projection.project_all()
        client, runs = MlflowClient(uri), runs_of(study, uri)
        theirs, note = runs[trial_run(0)].info.run_id, "mlflow.note.content"
        client.set_tag(theirs, note, "look at this one")
        client.set_tag(runs["sweep"].info.run_id, note, "my study")
        earlier = runs[trial_run(2)].info.run_id  # as a version that kept no digest left it
        client.delete_tag(earlier, "mlflow.tuner.note")
        for path in paths:
            end(path, "STOPPED", reason="Ctrl+C")
        projection.project_all()
        client.set_tag(runs[trial_run(1)].info.run_id, "other", "x")
        for path in paths:
            attempt(path, 2)
            end(path, "PRUNED")
        write(study.sweep_events, "summary", START + 2000, winner="trial 1", sentences=["It is settled."])
        Projection(study, uri).project_all()
        found = runs_of(study, uri)
        assert {run: found[run].data.tags[note] for run in ("sweep", *map(trial_run, range(3)))} == {
            "sweep": "my study",
            trial_run(0): "look at this one",
            trial_run(1): "was pruned",
            trial_run(2): "was pruned",
        }

    def test_source_user_and_commit_are_told(self, study: StudyFolder, uri: str) -> None:
        """Of every run, as far as the study told them."""
        finished(study, 0)
        Projection(study, uri).project_all()
        assert not any(key.startswith("mlflow.source") for run in runs_of(study, uri).values() for key in run.data.tags)
        told = {"file": "/home/me/task.yaml", "commit": "a" * 40}
        (first,) = events.read(study.sweep_events)
        events.append_many(study.sweep_events, [{**first, "time": START + 1500, "origin": told}])
        finished(study, 1)
        Projection(study, uri).project_all()
        for run in ("sweep", trial_run(1)):
            tags = runs_of(study, uri)[run].data.tags
            assert tags["mlflow.source.name"] == "/home/me/task.yaml"
            assert tags["mlflow.source.type"] == "LOCAL"
            assert tags["mlflow.source.git.commit"] == "a" * 40
            assert "mlflow.user" not in tags

    def test_waiting_for_a_worker_is_no_part_of_the_duration(self, study: StudyFolder, uri: str) -> None:
        """A run is there when its first attempt begins, and from that time on; one that never began, when it ended."""
        waiting, never = study.events(trial_run(0)), study.events(trial_run(1))
        for number, path in enumerate((waiting, never)):
            fields = {"kind": "trial", "seed": 7, "params": {}, "searched": []}
            write(path, "created", START + 1, run=trial_run(number), number=number, **fields)
        projection = Projection(study, uri)
        projection.project_all()
        assert list(runs_of(study, uri)) == ["sweep"]
        attempt(waiting, 90)
        end(never, "FAILED")
        projection.project_all()
        starts = {run: found.info.start_time for run, found in runs_of(study, uri).items()}
        assert starts == {
            "sweep": START * 1000,
            trial_run(0): (START + 92) * 1000,
            trial_run(1): (START + 1) * 1000,
        }

    def test_a_live_attempt_runs_and_a_dead_one_waits(self, study: StudyFolder, uri: str) -> None:
        """RUNNING should need a live worker, and come back with the next attempt."""
        run = trial_run(0)
        path = create(study, run, 0)
        train(path, 1, 2)
        live = {run, "sweep"}
        projection = Projection(study, uri, live)
        statuses = []

        def look() -> None:
            projection.project_all()
            found = runs_of(study, uri)
            statuses.append((found[run].info.status, found["sweep"].info.status))

        look()
        end(path, "STOPPED", epochs=2)
        look()
        attempt(path, 2)
        look()
        live.clear()
        projection.close_open()
        look()
        assert statuses == [
            ("RUNNING", "RUNNING"),
            ("KILLED", "RUNNING"),
            ("RUNNING", "RUNNING"),
            ("SCHEDULED", "SCHEDULED"),
        ]

    def test_long_runs_are_thinned(self, tmp_path: Path, uri: str) -> None:
        """A series should have at most 200 points, with the last epoch among them."""
        study = begin(tmp_path / "long", epochs=1999)
        run = finished(study, 0, epochs=1999)
        Projection(study, uri).project_all()
        steps = [
            m.step for m in MlflowClient(uri).get_metric_history(runs_of(study, uri)[run].info.run_id, "train/loss")
        ]
        assert len(steps) == 200
        assert steps[-1] == 1999
        assert steps[:3] == [10, 20, 30]

    def test_values_that_are_not_finite_are_flagged(self, study: StudyFolder, uri: str) -> None:
        """NaN should not reach MLflow; the step should say how many values it lacks."""
        path = create(study, trial_run(0), 0)
        train(path, 1, 3, nan_at=2)
        end(path, "DIVERGED", epochs=3, value=None)
        Projection(study, uri).project_all()
        found = runs_of(study, uri)[trial_run(0)]
        history = MlflowClient(uri).get_metric_history
        assert [(m.step, m.value) for m in history(found.info.run_id, "nonfinite")] == [(2, len(METRICS))]
        assert [m.step for m in history(found.info.run_id, "val/loss")] == [1, 3]
        assert "objective" not in found.data.metrics

    def test_tables_and_tracebacks_are_artifacts(self, study: StudyFolder, uri: str) -> None:
        """Values per tensor and through time, the traceback and the figures should be files of the run."""
        path = create(study, trial_run(0), 0)
        train(path, 1, 2, tensors=True)
        end(path, "FAILED", trace="Traceback: boom")
        (study.run_artifacts(trial_run(0)) / "figures").mkdir(parents=True)
        (study.run_artifacts(trial_run(0)) / "figures" / "run.png").write_bytes(b"png")
        Projection(study, uri).project_all()
        client = MlflowClient(uri)
        run_id = runs_of(study, uri)[trial_run(0)].info.run_id
        assert sorted(f.path for f in client.list_artifacts(run_id)) == [
            "figures",
            "tensors.csv",
            "traceback.txt",
        ]
        table = Path(client.download_artifacts(run_id, "tensors.csv")).read_text()
        assert table == (
            "epoch,quantity,name,lag,value\n"
            "1,grad,rnn.weight,,0.1\n1,state_grad,rnn,0,1.0\n1,state_grad,rnn,20,0.1\n"
            "2,grad,rnn.weight,,0.2\n2,state_grad,rnn,0,1.0\n2,state_grad,rnn,20,0.2\n"
        )
        assert Path(client.download_artifacts(run_id, "figures/run.png")).read_bytes() == b"png"


class TestSweep:
    def test_the_parent_is_whole(self, study: StudyFolder, uri: str) -> None:
        """The parent should have constants, budget, sentences, its artifacts and the task file."""
        (study.artifacts / "figures").mkdir(parents=True)
        (study.artifacts / "figures" / "history.png").write_bytes(b"png")
        write(
            study.sweep_events,
            "summary",
            START + 2000,
            leaderboard=[],
            winner="trial 3",
            baseline=None,
            test={},
            sentences=["trial 3 is better."],
        )
        Projection(study, uri).project_all()
        parent = runs_of(study, uri)["sweep"]
        assert (parent.info.run_name, parent.info.status) == ("fake", "FINISHED")
        assert parent.data.params == {"layers": "2", "budget.trials": "10", "budget.epochs": "5"}
        assert parent.data.tags["tuner.kind"] == "sweep"
        assert parent.data.tags["tuner.winner"] == "trial 3"
        assert parent.data.tags["mlflow.note.content"] == "trial 3 is better."
        client = MlflowClient(uri)
        assert [f.path for f in client.list_artifacts(parent.info.run_id)] == ["figures", "task.yaml"]
        assert [f.path for f in client.list_artifacts(parent.info.run_id, "figures")] == ["figures/history.png"]

    def test_the_parents_metrics_say_what_came_of_the_study(self, study: StudyFolder, uri: str) -> None:
        """Best of the search, means over fresh seeds, trivial, test, trials by state, hours; none while it runs."""
        for number, state in enumerate(("COMPLETED", "COMPLETED", "PRUNED", "HOPELESS")):
            path = create(study, trial_run(number), number)
            end(path, state, value=0.9 - number / 10 if state == "COMPLETED" else 0.99)
        for run, number, value in (("1", 1, 0.7), ("2", 1, 0.8), ("1", 0, 0.1), ("1", -1, 0.6)):
            name = "baseline" if number < 0 else f"{number:05}"
            end(create(study, f"confirm/{name}-{run}", number, kind="confirm"), "COMPLETED", value=value)
        scores = {f"confirm/00001-{seed}": {"accuracy": 0.6, "loss": 9.0} for seed in (1, 2)}
        end(create(study, "test", -1, kind="test"), "COMPLETED", results={"test": scores}, value=None)
        projection = Projection(study, uri, {"sweep"})
        projection.project_all()
        assert runs_of(study, uri)["sweep"].data.metrics == {}
        write(study.sweep_events, "stopped", START + 100, reason="by the user", seconds=1800)
        projection.project_all()
        again = {**events.read(study.sweep_events)[0], "time": START + 200}
        events.append_many(study.sweep_events, [again])
        write(study.sweep_events, "summary", START + 2000, winner="trial 1", sentences=[], seconds=3600)
        projection.project_all()
        projection.project_all()
        history = MlflowClient(uri).get_metric_history(runs_of(study, uri)["sweep"].info.run_id, "hours")
        assert sorted((point.step, point.value) for point in history) == [(0, 0.5), (1, 1.5)]  # it ended twice
        assert runs_of(study, uri)["sweep"].data.metrics == pytest.approx(
            {
                "best": 0.9,
                "confirmed": 0.75,
                "baseline": 0.6,
                "trivial": 0.5,
                "test": 0.6,
                "trials/completed": 2,
                "trials/pruned": 1,
                "trials/hopeless": 1,
                "hours": 1.5,
            }
        )

    def test_a_longer_budget_keeps_the_first_parameters(self, study: StudyFolder, uri: str) -> None:
        """A resumed sweep with a larger budget should be RUNNING again and change a tag, not a parameter."""
        write(study.sweep_events, "stopped", START + 100, reason="by the user")
        projection = Projection(study, uri, {"sweep"})
        projection.project_sweep()
        assert runs_of(study, uri)["sweep"].info.status == "KILLED"
        again = {**events.read(study.sweep_events)[0], "trials": 50, "time": START + 200}
        events.append_many(study.sweep_events, [again])
        projection.project_sweep()
        parent = runs_of(study, uri)["sweep"]
        assert parent.info.status == "RUNNING"
        assert parent.data.params["budget.trials"] == "10"
        assert parent.data.tags["tuner.trials"] == "50"

    def test_test_scores_go_to_the_runs_they_belong_to(self, study: StudyFolder, uri: str) -> None:
        """Scores on the test data should be metrics of the confirmations, and of no trial."""
        trial, confirm = finished(study, 3), confirmed(study, 3, 1)
        baseline = confirmed(study, -1, 1)
        path = create(study, "test", 3, kind="test")
        scores = {confirm: {"accuracy": 0.9}, baseline: {"accuracy": 0.6}, "../elsewhere": {"accuracy": 1.0}}
        end(path, "COMPLETED", results={"test": scores})
        Projection(study, uri).project_all()
        found = runs_of(study, uri)
        assert {run: f.data.metrics.get("test/accuracy") for run, f in found.items()} == {
            "sweep": None,
            "test": None,
            trial: None,
            confirm: 0.9,
            baseline: 0.6,
        }
        names = {found[run].info.run_name for run in (confirm, baseline, "test")}
        assert names == {"confirm 3 seed 1", "baseline seed 1", "test"}

    def test_a_new_study_of_the_same_name_stays_apart(self, study: StudyFolder, uri: str, tmp_path: Path) -> None:
        """A study begun anew should get runs of its own and leave the earlier ones as they are."""
        finished(study, 0)
        Projection(study, uri).project_all()
        study.root.rename(tmp_path / "old")
        anew = begin(study.root, time=START + 5000)
        finished(anew, 0)
        Projection(anew, uri).project_all()
        client = MlflowClient(uri)
        experiment = client.get_experiment_by_name("fake")
        assert experiment is not None
        parents = [run.data.tags.get("mlflow.parentRunId") for run in client.search_runs([experiment.experiment_id])]
        assert parents.count(None) == 2
        assert len(set(parents)) == 3


class TestAgain:
    def test_repeats_change_nothing(self, study: StudyFolder, uri: str) -> None:
        """Projecting again, with the same object or a new one, should leave every row as it is."""
        for number, state in enumerate(("COMPLETED", "PRUNED", "HOPELESS", "DIVERGED", "FAILED", "STOPPED", "LOST")):
            finished(study, number, state=state)
        projection = Projection(study, uri)
        assert projection.project_all() == 7 * 8
        before = rows(uri)
        assert len(before["metrics"]) > 7 * 5 * len(METRICS)
        assert projection.project_all() == 0
        assert Projection(study, uri).project_all() == 0
        assert rows(uri) == before

    def test_live_recording_equals_a_rebuild(
        self, study: StudyFolder, uri: str, migrated: Path, tmp_path: Path
    ) -> None:
        """Line by line, through a stop and two attempts, should give the rows of one reading at the end."""
        path = create(study, trial_run(0), 0)
        lines = []
        train(path, 1, 3)
        end(path, "STOPPED", epochs=3)
        attempt(path, 2)
        train(path, 3, 5)
        end(path, "COMPLETED")
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"")
        live = {"sweep", trial_run(0)}
        projection = Projection(study, uri, live)
        for line in lines:
            with path.open("ab") as file:
                file.write(line)
            projection.project(trial_run(0))
        live.clear()
        projection.close_open()
        other = tmp_path / "other.db"
        shutil.copy(migrated, other)
        Projection(study, f"sqlite:///{other}").project_all()
        assert rows(uri) == rows(f"sqlite:///{other}")

    def test_a_crash_at_any_call_is_mended(
        self, study: StudyFolder, migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whichever call fails once, before or after its work, the next try should complete the runs."""
        path = create(study, trial_run(0), 0)
        train(path, 1, 2, tensors=True)
        end(path, "FAILED", epochs=2, trace="boom")
        whole = tmp_path / "whole.db"
        shutil.copy(migrated, whole)
        Projection(study, f"sqlite:///{whole}").project_all()
        expected = rows(f"sqlite:///{whole}")
        for call in ("create_run", "update_run", "log_batch", "set_terminated", "log_text"):
            for after in (False, True):
                database = tmp_path / f"{call}-{after}.db"
                shutil.copy(migrated, database)
                real, failed = getattr(MlflowClient, call), list[object]()

                def fail_once(*args, _real=real, _after=after, _failed=failed, **kwargs: Any):  # type: ignore[no-untyped-def]
                    result = _real(*args, **kwargs) if _failed or _after else None
                    if not _failed:
                        _failed.append(True)
                        raise OSError("gone")
                    return result

                with monkeypatch.context() as patch:
                    patch.setattr(MlflowClient, call, fail_once)
                    projection = Projection(study, f"sqlite:///{database}")
                    with pytest.raises(OSError, match="gone"):
                        projection.project_all()
                    projection.project_all()
                assert rows(f"sqlite:///{database}") == expected, (call, after)

    def test_a_run_deleted_in_mlflow_does_not_stop_the_others(self, study: StudyFolder, uri: str) -> None:
        """A run that a user deleted should be written again, and the rest as ever."""
        run = finished(study, 0)
        Projection(study, uri).project_all()
        MlflowClient(uri).delete_run(runs_of(study, uri)[run].info.run_id)
        finished(study, 1)
        Projection(study, uri).project_all()
        client = MlflowClient(uri)
        experiment = client.get_experiment_by_name("fake")
        assert experiment is not None
        assert len(client.search_runs([experiment.experiment_id])) == 3


class TestRefusals:
    def test_a_deleted_experiment_is_named(self, study: StudyFolder, uri: str) -> None:
        """A deleted experiment should be told with the command that brings it back."""
        Projection(study, uri).project_all()
        client = MlflowClient(uri)
        experiment = client.get_experiment_by_name("fake")
        assert experiment is not None
        client.delete_experiment(experiment.experiment_id)
        with pytest.raises(
            StudyError,
            match=r"'fake' must not be deleted. Use `MLFLOW_TRACKING_URI=\S+ python -m mlflow experiments restore -x",
        ):
            Projection(study, uri)

    def test_a_damaged_file_is_named_and_the_rest_written(self, study: StudyFolder, uri: str) -> None:
        """One damaged event file should be told by its path, after the others were written."""
        damaged = finished(study, 0)
        study.events(damaged).write_text('{"event": "created"}\nnonsense\n')
        run = finished(study, 1)
        projection = Projection(study, uri)
        with pytest.raises(StudyError, match=r"00000/events.jsonl: an event file must be unchanged"):
            projection.project_all()
        assert runs_of(study, uri)[run].info.status == "FINISHED"

    def test_a_study_without_a_sweep_is_refused(self, tmp_path: Path, uri: str) -> None:
        """A folder that no sweep ever ran in should be refused."""
        with pytest.raises(StudyError, match="must hold a study that was run"):
            Projection(StudyFolder(tmp_path / "nothing"), uri)


def test_sqlite_has_a_write_ahead_log(study: StudyFolder, uri: str) -> None:
    """Readers should not wait for the writer."""
    Projection(study, uri)
    with sqlite3.connect(uri.removeprefix("sqlite:///")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()


def test_nothing_is_infinite(study: StudyFolder, uri: str) -> None:
    """No stored metric should be NaN or the largest float that MLflow writes for infinity."""
    path = create(study, trial_run(0), 0)
    train(path, 1, 3, nan_at=3)
    end(path, "DIVERGED", epochs=3, value=math.inf)
    Projection(study, uri).project_all()
    assert all(not is_nan and abs(float(str(value))) < 1e300 for _, value, _, _, is_nan in rows(uri)["metrics"])
