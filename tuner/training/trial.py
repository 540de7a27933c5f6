"""One attempt of one trial: build, resume, train, evaluate, report; the loop that everything else serves.

Order of one step: forward, loss, backward, gradient norm, (probes), clipping, rate, update. Nothing in it waits for
the driver, the disk or, on a CPU, for anything at all. On a GPU the gradient norm is read back once per step: whether
an update may happen is decided before it.
"""

from __future__ import annotations

import copy
import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from tuner.adapters.base import Batch, Dataset, Problem
from tuner.diagnostics import names
from tuner.diagnostics.case import Case
from tuner.diagnostics.judging import asked_after, hopeless, judge, rules
from tuner.diagnostics.look import Sample
from tuner.diagnostics.watch import Watch, nonfinite_tensor
from tuner.disk import places
from tuner.disk.events import FULL, FULL_DISK_SECONDS
from tuner.errors import Diverged, TrialError
from tuner.messages import Answer, Epoch, Report, State, TrialSpec, Verdict
from tuner.nets.network import Network, build_network
from tuner.optim.averaging import make_averaging
from tuner.optim.clipping import gradient_norm, make_clipping
from tuner.optim.optimizers import make_optimizer, parameter_groups, set_rate
from tuner.optim.schedules import Schedule, make_schedule
from tuner.seeding import derive_seed
from tuner.training import checkpoint
from tuner.training.chunks import Chunk, chunks
from tuner.training.devices import choose_device
from tuner.training.problems import open_problem

EVALUATION_BATCH = 256
CHECKPOINT_FORMAT = 3
"""Raised when a checkpoint holds something else: a trial whose checkpoint is of another format begins anew."""
NONFINITE_STEPS = 10
"""Steps in a row with a gradient that is not finite, each skipped, after which a trial has diverged."""
MESSAGE_SECONDS = 0.5
"""Least time between messages, and between checkpoints, away from rungs."""
CHECKPOINT_SHARE = 0.1
"""Part of the time that writing checkpoints may take away from rungs: a store may be slow."""
SAMPLE_ITEMS = 16
"""Most items of the batch that diagnostics look at."""
SAMPLE_CHOICE = 8
"""Batches that it is chosen from."""
LIFE_SECONDS = 10.0
"""Longest time without a message while steps are made: an epoch may take hours, a silent trial is taken for stuck."""


class Link(Protocol):
    """The trial's line to the driver; `tuner.execution.Link` as this room needs it."""

    def send(self, report: Report) -> Answer | None:
        """Send a report; at a rung, wait for the answer."""
        ...

    def answered(self) -> Answer | None:
        """An answer that has come meanwhile."""
        ...


class Unheard:
    """A link to nobody."""

    def send(self, report: Report) -> Answer | None:  # noqa: ARG002 - contract
        """Nobody answers."""
        return None

    def answered(self) -> Answer | None:
        """Nobody has."""
        return None


class Cut(Exception):  # noqa: N818 - control flow, not an error
    """The driver ended the attempt."""

    def __init__(self, state: State, answer: Answer) -> None:
        self.state, self.reason = state, answer.reason
        self.pruned = answer.verdict is Verdict.PRUNE


class Hopeless(Exception):  # noqa: N818 - control flow, not an error
    """A training that a rule ends early; the findings say which."""


class Training:
    """The state of one attempt.

    Args:
        spec: What to train.
        link: To the driver.
        updates_per_epoch: Optimizer steps of an epoch; None makes an epoch of every pass over the training data.

    Raises:
        TrialError: The parts do not go together.
    """

    def __init__(self, spec: TrialSpec, link: Link, *, updates_per_epoch: int | None = None) -> None:
        self.spec, self._link = spec, link
        torch.set_num_threads(spec.threads)
        self.device = choose_device(spec.device)
        self.settings, self.problem = open_problem(spec)
        self._train, self._val = self.problem.dataset("train"), self.problem.dataset("val")
        torch.manual_seed(spec.seed)
        self.network = new_network(self.settings, self.problem).to(self.device)
        self._parameters = list(self.network.parameters())
        self.num_parameters = sum(parameter.numel() for parameter in self._parameters)
        learning = self.settings.learning
        self._learning = learning
        self.optimizer = make_optimizer(learning.optimizer, self.settings.optimizer, self.network)
        self.averaging = make_averaging(learning, self._parameters, self.optimizer)
        self._clipping = make_clipping(learning)
        self.updates_per_epoch = updates_per_epoch
        per_epoch = updates_per_epoch or self._updates_of_a_pass()
        self.schedule = make_schedule(learning.schedule, self.settings.schedule, per_epoch * spec.epochs, per_epoch)
        self.peak_rate = float(self.settings.optimizer.model_dump()["learning_rate"])
        self._updates_per_epoch = per_epoch
        self._watch = Watch(spec.diagnostics, self.network, per_epoch, self._sample)
        self._rules = rules(spec.thresholds)
        self._may_end = spec.act and spec.kind == "trial"
        self.step = self.epoch = 0
        self._passes = self._position = 0
        self._flow = self._endless()
        self._states: Sequence[tuple[Tensor, ...]] = ()
        self.best = spec.objective.worst
        self._best_epoch = 0
        self._best_weights: dict[str, Tensor] = {}
        self._history: list[Epoch] = []
        self._unsent: list[Epoch] = []
        self._nonfinite = 0
        self.between_epochs = True
        """Whether a checkpoint would hold whole epochs; within one, what it has measured so far would be lost."""
        self.unsaved = ""
        """Why the last checkpoint was not written; "" when it was."""
        self._last_message = time.monotonic()
        self._next_checkpoint = 0.0

    def facts(self) -> dict[str, Any]:
        """What is recorded of the attempt beside its epochs."""
        facts: dict[str, Any] = {
            "parameters": self.num_parameters,
            "parameter_groups": parameter_groups(self.network),
            "steps_per_epoch": self._updates_per_epoch,
            "lag": self.problem.lag,
        }
        if self.updates_per_epoch is not None:
            facts["updates_per_epoch"] = self.updates_per_epoch
        if self.unsaved:
            facts["unsaved"] = self.unsaved
        return facts

    def run(self) -> str:
        """Train to the last epoch, or until nothing is gained; returns the reason of an early stop."""
        if self._at_rung():  # resumed before it was answered, for all it knows
            self._send(waiting=True)
        if self.step == 0:
            self._watch.start(self.network)
        while self.epoch < self.spec.epochs:
            if self._patience_lost():
                return f"stopped early: no gain since epoch {self._best_epoch}"
            self.epoch += 1
            self.between_epochs = False
            epoch = self._run_epoch()
            self.between_epochs = True
            self._record(epoch)
            self._end_if_hopeless()
            self._tell_driver()
        return ""

    def judgment(self, diverged: str = "", *, cut: bool = False) -> dict[str, Any]:
        """What is found in all epochs so far, and how far the trivial predictor was left behind (see `Case.progress`).

        Args:
            diverged: What was not finite, where that ended the training.
            cut: Whether the search ended it, as others were further.
        """
        case = self._case(diverged, cut=cut)
        findings = [finding.beside(self.settings.acting) for finding in judge(case, self._rules)]
        return {"findings": [finding.as_json() for finding in findings], "progress": case.progress}

    def _case(self, diverged: str = "", *, cut: bool = False) -> Case:
        return Case(
            epochs=self._history,
            budget=self.spec.epochs,
            objective=self.spec.objective,
            trivial=self.spec.trivial,
            lag=self.problem.lag,
            steps_per_epoch=self._updates_per_epoch,
            params=self.spec.params,
            diverged=diverged,
            cut=cut,
        )

    def _end_if_hopeless(self) -> None:
        """Ask the rules, where it may be ended and it is time to; then the driver, who knows the other trials.

        Raises:
            Hopeless: A rule says so, and the driver does not object.
            Cut: The driver ends it for another reason.
        """
        if not self._may_end or self.epoch not in asked_after(self.spec.epochs) or self._at_end():
            return
        if (finding := hopeless(self._case(), self._rules)) is not None:
            why = f"{finding.title}: {finding.evidence}"
            answer = self._report(waiting=True, hopeless=why)
            if answer is not None and answer.end is State.HOPELESS:
                raise Hopeless(why)
            self._obey(answer)

    def losses(self, schedule: Schedule) -> Iterator[float]:
        """Train under another schedule, epoch after epoch without end; gives the training loss before each update."""
        self.schedule = schedule
        self.network.train()
        return (self.update(chunk).item() for chunk in self._flow)

    # one epoch --------------------------------------------------------------------------------------------------

    def _run_epoch(self) -> Epoch:
        began = time.perf_counter()
        losses: list[Tensor] = []
        weights: list[int] = []
        self.network.train()
        for chunk in self._epochs_chunks():
            losses.append(self.update(chunk))
            if time.monotonic() - self._last_message > LIFE_SECONDS:
                self._send(waiting=False)
            weights.append(chunk.num_targets if self.problem.every_step else len(chunk.batch.y))
        num_steps = len(losses)
        losses_N = torch.stack(losses).double().cpu().numpy()
        train_loss = float(np.average(losses_N, weights=weights))
        if not math.isfinite(train_loss):
            raise Diverged(f"the training loss is {train_loss}")
        trained = time.perf_counter() - began
        rate = self.peak_rate * self.schedule.factor(self.step - 1)
        scores = self.validate()
        self.schedule.observe(scores["loss"])
        self.averaging.observe(scores["loss"])
        milestone = self.epoch in self.spec.rungs or self.epoch == self.spec.epochs
        measured = self._watch.epoch(self.network, self.step, losses_N.tolist(), milestone=milestone)
        scores = {f"val/{name}": value for name, value in scores.items()}
        metrics = {
            **{
                name: scores[name] for name in (self.spec.objective.metric,) if name in scores
            },  # MLflow shows the first one first
            names.TRAIN_LOSS: train_loss,
            **scores,
            names.LEARNING_RATE: rate,
            **measured.metrics,
            names.EPOCH_SECONDS: time.perf_counter() - began,
            names.STEPS_PER_SECOND: num_steps / trained,
        }
        return Epoch(
            epoch=self.epoch,
            time=time.time(),
            metrics=metrics,
            tensors=measured.tensors,
            profiles=measured.profiles,
        )

    def validate(self) -> dict[str, float]:
        """Scores on the validation split, of the averaged weights where there are any."""
        with self.averaging.applied():
            return evaluate(self.network, self.problem, self._val, self.device)

    def _sample(self) -> Sample:
        """What diagnostics look at, the same in every trial of a study with as large batches.

        Of the first whole batches of training items in a random order the one with the longest sequences, as it is
        about long lags; with truncation the first steps of it.
        """
        items = min(SAMPLE_ITEMS, self._learning.batch_size)
        batches = self._train.batches(items, rng=np.random.default_rng(0))  # items may be stored class by class
        batch = max(itertools.islice(batches, SAMPLE_CHOICE), key=lambda batch: (len(batch.y), batch.x.shape[1]))
        if self._learning.truncation is not None:
            batch = next(chunks(batch, self._learning.truncation)).batch
            batch = Batch(x=batch.x.clone(), lengths=batch.lengths, y=batch.y.clone())  # not a view of a whole text
        return Sample(_to(batch, self.device), self.problem.loss, self.problem.every_step, self.problem.lag)

    def _epochs_chunks(self) -> Iterator[Chunk]:
        if self.updates_per_epoch is None:
            return self._chunks_of_pass(self.epoch)
        return itertools.islice(self._flow, self.updates_per_epoch)

    def _endless(self) -> Iterator[Chunk]:
        """Pass after pass, from the place in the data that a checkpoint had reached."""
        while True:
            for chunk in itertools.islice(self._chunks_of_pass(self._passes + 1), self._position, None):
                self._position += 1
                yield chunk
            self._passes, self._position = self._passes + 1, 0

    def _chunks_of_pass(self, number: int) -> Iterator[Chunk]:
        rng = np.random.default_rng(derive_seed(self.spec.seed, "batches", number))
        truncation = self._learning.truncation
        for batch in self._train.batches(self._learning.batch_size, rng=rng):
            batch = _to(batch, self.device)
            yield from [Chunk(batch)] if truncation is None else chunks(batch, truncation)

    def _updates_of_a_pass(self) -> int:
        """In the first pass; with sequences of unequal length, others may have a few more or less when truncated."""
        if self._learning.truncation is None:
            return self._train.num_batches(self._learning.batch_size)
        return sum(1 for _ in self._chunks_of_pass(1))

    def update(self, chunk: Chunk) -> Tensor:
        """One optimizer step; the loss before it, without the penalties."""
        batch = chunk.batch
        set_rate(self.optimizer, self.peak_rate, self.schedule.factor(self.step))
        self.optimizer.zero_grad(set_to_none=True)
        prediction, states = self.network.read(batch.x, batch.lengths, chunk.carried(self._states))
        if self._learning.truncation is not None:
            self._states = [tuple(part.detach() for part in state) for state in states]
        loss = self.problem.loss(prediction, batch)
        penalty = self.network.stack.penalty
        (loss if penalty is None else loss + penalty).backward()  # type: ignore[no-untyped-call]
        norm_tensor = gradient_norm(self._parameters)
        norm = norm_tensor.item()
        if not math.isfinite(norm):
            self._skip(norm)
            return loss.detach()
        self._nonfinite = 0
        due = self._watch.due(self.step)
        if due:
            self._watch.before_update(self.network)
        clipped = self._clipping.clip_(self._parameters, norm_tensor, norm)
        self.optimizer.step()
        self.averaging.update()
        if due:
            self._watch.after_update(self.network)
        self._watch.step(norm, clipped=clipped, skipped=False)
        self.step += 1
        return loss.detach()

    def _skip(self, norm: float) -> None:
        self._nonfinite += 1
        self._watch.step(norm, clipped=False, skipped=True)
        self.step += 1
        if self._nonfinite >= NONFINITE_STEPS:
            tensor = nonfinite_tensor(self.network) or "the loss"
            raise Diverged(f"the gradient of {tensor} is not finite in {self._nonfinite} steps in a row")

    # records ----------------------------------------------------------------------------------------------------

    def _record(self, epoch: Epoch) -> None:
        try:
            value = epoch.metrics[self.spec.objective.metric]
        except KeyError:
            known = ", ".join(name for name in epoch.metrics if name.startswith("val/"))
            raise TrialError(f"the objective {self.spec.objective.metric} is not among the metrics: {known}") from None
        self._history.append(epoch)
        if self.epoch > self.spec.reported:
            self._unsent.append(epoch)
        if not math.isfinite(value):
            self._send(waiting=False)
            raise Diverged(f"{self.spec.objective.metric} is {value}")
        if self.spec.objective.better(value, self.best):
            self.best, self._best_epoch = value, self.epoch
            if self.spec.keep_model:
                with self.averaging.applied():
                    self._best_weights = copy.deepcopy(self.network.state_dict())

    def _patience_lost(self) -> bool:
        patience = self._learning.patience
        return patience is not None and self.epoch - self._best_epoch >= patience

    def _tell_driver(self) -> None:
        last, waiting = self._at_end(), self._at_rung()
        now = time.monotonic()
        if not (waiting or last or now - self._last_message >= MESSAGE_SECONDS):
            self._obey(self._link.answered())
            return
        if not last and (waiting or now >= self._next_checkpoint):
            self.save_checkpoint()
        self._send(waiting=waiting)

    def _at_end(self) -> bool:
        return self.epoch == self.spec.epochs or self._patience_lost()

    def _at_rung(self) -> bool:
        """Whether to wait here: not where an earlier attempt went on from."""
        return self.epoch in self.spec.rungs and self.epoch >= self.spec.reported and not self._at_end()

    def _send(self, *, waiting: bool) -> None:
        self._obey(self._report(waiting=waiting))

    def _report(self, *, waiting: bool, hopeless: str = "") -> Answer | None:
        report = Report(
            run=self.spec.run,
            attempt=self.spec.attempt,
            epochs=tuple(self._unsent),
            value=self.best,
            waiting=waiting,
            hopeless=hopeless,
        )
        self._unsent = []
        self._last_message = time.monotonic()
        return self._link.send(report)

    def _obey(self, answer: Answer | None) -> None:
        if answer is not None and (state := answer.end) is not None:
            raise Cut(state, answer)

    # checkpoints ------------------------------------------------------------------------------------------------

    def save_checkpoint(self) -> None:
        """Everything needed to go on as if nothing had happened."""
        tensors = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "clipping": self._clipping.state_dict(),
            "averaging": self.averaging.state_dict(),
            "best": self._best_weights,
            "states": [list(state) for state in self._states],
            "random": random_state(self.device),
        }
        facts = {
            **_planned(self.spec),
            "updates_per_epoch": self.updates_per_epoch,
            "passes": self._passes,
            "position": self._position,
            "epoch": self.epoch,
            "step": self.step,
            "value": self.best,
            "best_epoch": self._best_epoch,
            "nonfinite": self._nonfinite,
            "watch": self._watch.state_dict(),
            "history": [asdict(epoch) for epoch in self._history],
        }
        began = time.monotonic()
        path = kept(self.spec, checkpoint.CHECKPOINT)
        try:
            checkpoint.save(path, tensors, facts, limit=self.spec.checkpoint_bytes)
        except OSError as error:  # no space, no share of it left, a store that is away: the one before stays
            self.unsaved = error.strerror or str(error)
        else:
            self.unsaved = ""
        now = time.monotonic()
        self._next_checkpoint = now + (now - began) / CHECKPOINT_SHARE

    def save_model(self) -> None:
        """The weights of the best epoch, for the test and for use."""
        facts = {
            "params": dict(self.spec.params),
            "adapter": self.spec.adapter,
            "data": dict(self.spec.data),
            "prepared_as": self.spec.prepared_as,
            "metric": self.spec.objective.metric,
            "value": self.best,
            "epoch": self._best_epoch,
        }
        deadline = time.monotonic() + (places.PATIENCE_SECONDS if self.spec.store else 0.0)
        while True:
            try:
                checkpoint.save(kept(self.spec, checkpoint.MODEL), {"network": self._best_weights}, facts)
            except OSError as error:
                if error.errno not in FULL and time.monotonic() > deadline:
                    raise
                self._send(waiting=False)  # a sign of life: without its model the training would have been for nothing
                time.sleep(FULL_DISK_SECONDS)
            else:
                return

    def go_on(self, saved: Saved) -> None:
        """Go on from a checkpoint, as if nothing had happened."""
        tensors, facts = saved
        self.network.load_state_dict(tensors["network"])
        self.optimizer.load_state_dict(tensors["optimizer"])
        self.schedule.load_state_dict(tensors["schedule"])
        self._clipping.load_state_dict(tensors["clipping"])
        self.averaging.load_state_dict(tensors["averaging"])
        self._best_weights = tensors["best"]
        self._states = [tuple(state) for state in tensors["states"]]
        self._passes, self._position = facts["passes"], facts["position"]
        self.epoch, self.step = facts["epoch"], facts["step"]
        self.best, self._best_epoch = facts["value"], facts["best_epoch"]
        self._nonfinite = facts["nonfinite"]
        self._watch.load_state_dict(facts["watch"])
        self._history = [Epoch(**epoch) for epoch in facts["history"]]
        self._unsent = [epoch for epoch in self._history if epoch.epoch > self.spec.reported]
        set_random_state(tensors["random"], self.device)


class Saved(NamedTuple):
    """What a checkpoint holds."""

    tensors: dict[str, Any]
    facts: dict[str, Any]


def resumable(spec: TrialSpec) -> Saved | None:
    """The checkpoint of an attempt before this one; None where there is none of this trial.

    Raises:
        TrialError: The file is damaged.
    """
    try:
        saved = Saved(*checkpoint.load(kept(spec, checkpoint.CHECKPOINT), choose_device(spec.device)))
    except FileNotFoundError:
        return None
    same = all(saved.facts.get(key) == value for key, value in _planned(spec).items())
    return saved if same else None  # the folder was used before


def kept(spec: TrialSpec, name: str) -> str:
    """Where a run keeps a file of its own."""
    return places.join(spec.checkpoints or spec.folder, name)


def _planned(spec: TrialSpec) -> dict[str, Any]:
    """What a checkpoint must agree on to be this trial's."""
    return {
        "format": CHECKPOINT_FORMAT,
        "params": dict(spec.params),
        "seed": spec.seed,
        "epochs": spec.epochs,
        "seconds": spec.seconds,
    }


# what the test shares ---------------------------------------------------------------------------------------------


def new_network(settings: Any, problem: Problem) -> Network:
    """The network that the settings describe, initialized."""
    return build_network(settings.net, settings.cell, settings.regularizers, problem)


def evaluate(network: nn.Module, problem: Problem, dataset: Dataset, device: torch.device) -> dict[str, float]:
    """Scores over a whole split, with the network in evaluation mode.

    Raises:
        Diverged: A prediction is not finite.
    """
    network.eval()
    reduce = getattr(problem, "reduce", None)  # see `ReducingProblem`
    predictions: list[Tensor] = []
    batches: list[Batch] = []
    with torch.inference_mode():
        for batch in _batches(dataset, device):
            prediction = network(batch.x, batch.lengths)
            predictions.append(prediction if reduce is None else reduce(prediction, batch))
            batches.append(batch)
        if not all(bool(torch.isfinite(prediction).all()) for prediction in predictions):
            raise Diverged("a prediction is not finite")
        return problem.evaluate(predictions, batches)


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The states of the random streams that a trial draws from."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Put the random streams back; states live on the CPU."""
    torch.set_rng_state(state["cpu"].cpu())
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)


def _batches(dataset: Dataset, device: torch.device) -> Iterator[Batch]:
    return (_to(batch, device) for batch in dataset.batches(EVALUATION_BATCH))


def _to(batch: Batch, device: torch.device) -> Batch:
    if device.type == "cpu":
        return batch
    return Batch(
        x=batch.x.to(device, non_blocking=True),
        lengths=None if batch.lengths is None else batch.lengths.to(device, non_blocking=True),
        y=batch.y.to(device, non_blocking=True),
    )
