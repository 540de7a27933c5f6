"""The thresholds of findings, which a task file may change, each with its source.

A value with the source "ours" was chosen on the tasks and seeds of `benchmarks/seeded_faults.py --set` and tested on
others, or on sweeps and random configurations if its text says so.
"""

from __future__ import annotations

from pydantic import Field

from tuner.config.options import Options


class NonFinite(Options):
    """Thresholds of `non_finite`: none."""


class ExplodedLoss(Options):
    """Thresholds of `exploded_loss`."""

    factor: float = Field(10.0, gt=1)
    """Maximum training loss, as a multiple of the trivial predictor's, > 1. Ours; Zhang et al. 2021 have a loss of
    1000, which depends on its unit."""
    epochs: int = Field(3, ge=1)
    """Consecutive epochs above it, none of them lower than the one before by a tenth, >= 1. Ours."""


class StuckAtTrivial(Options):
    """Thresholds of `stuck_at_trivial`."""

    gain: float = Field(0.03, ge=0, lt=1)
    """Minimum improvement of the best epoch over the trivial predictor, as a fraction of its loss, 0 to 1. Ours."""
    train: float = Field(0.1, ge=0, lt=1)
    """Improvement of the training loss over the trivial predictor, as a fraction of its loss, that shows that something
    was learned, though it may not generalize, 0 to 1. Ours."""
    epochs: int = Field(3, ge=1)
    """Epochs before which nothing is reported, >= 1. Ours."""
    warn: float = Field(0.2, gt=0, le=1)
    """Fraction of the budget after which it is reported, above 0, to 1. Ours, near Zhang et al. 2021 (0.3)."""
    end: float = Field(0.3, gt=0, le=1)
    """Fraction of the budget after which the training is hopeless if its cause was found too, above 0, to 1. Ours;
    without a cause it may be on a plateau, as tasks of long memory have."""
    moving: float = Field(0.005, ge=0, lt=1)
    """Relative fall of the training loss over the last quarter below which the training can be hopeless, 0 to 1. One
    whose training loss fell in every epoch of the second half is not. Ours."""


class OnlyBlanks(Options):
    """Thresholds of `only_blanks`."""

    share: float = Field(0.99, gt=0, le=1)
    """Share of the validation recordings of which nothing is recognized above which it is reported, 0 to 1. Ours."""
    epochs: int = Field(2, ge=1)
    """Epochs in a row above it, where something was recognized before, >= 1. Ours."""
    begun: float = Field(0.4, gt=0, le=1)
    """Fraction of the budget after which it is reported where nothing ever was, above 0, to 1: the blank is what CTC
    learns first. Ours: in healthy trainings it took under a third."""


class NotGeneralizing(Options):
    """Thresholds of `not_generalizing`."""

    gain: float = Field(0.02, ge=0, lt=1)
    """Minimum improvement of the validation loss over the trivial predictor, as a fraction of its loss, 0 to 1.
    Ours."""
    train: float = Field(0.1, gt=0, lt=1)
    """Improvement of the training loss from which that of the validation loss is expected, as the same fraction, 0 to
    1. Ours."""


class VanishingGradient(Options):
    """Thresholds of `vanishing_gradient`."""

    attenuation: float = Field(1e-4, gt=0, lt=1)
    """Minimum fraction of the gradient through the state that is left over the task's lag, 0 to 1. Ours."""
    hopeless: float = Field(1e-8, gt=0, lt=1)
    """Fraction below which it explains why nothing is learned, so that a training may be ended, 0 to 1. Ours: from 1e-5
    trainings were seen to recover."""
    progress: float = Field(0.2, ge=0, le=1)
    """Improvement over the trivial predictor, as a fraction of its loss, that shows enough memory, 0 to 1. Ours."""


class ExplodingGradient(Options):
    """Thresholds of `exploding_gradient`."""

    growth: float = Field(1e3, gt=1)
    """Maximum factor by which the gradient through the state grows over the task's lag, > 1. Ours."""
    outlier: float = Field(100.0, gt=1)
    """Largest gradient norm of an epoch without clipping, over the mean norm of the first epoch or, if larger, of the
    median epoch, > 1. Ours."""


class SaturatedGate(Options):
    """Thresholds of `saturated_gate`."""

    closed: float = Field(0.8, gt=0, le=1)
    """Maximum fraction of a gate's values below 0.1, 0 to 1. Ours, after Karpathy et al. 2016."""
    open: float = Field(0.95, gt=0, le=1)
    """Maximum fraction of a gate's values below 0.1 and above 0.9 together, 0 to 1; beyond it the gate no longer
    depends on its input. Ours."""


class NoMemory(Options):
    """Thresholds of `no_memory`."""

    steps: float = Field(0.5, gt=0)
    """Minimum memory time, > 0: steps after which 1/e of a state is left, in the units that remember longest (95th
    percentile). Ours; a gate at 0.5 gives 1.4."""
    lag: int = Field(5, ge=1)
    """Lag of a task that needs memory, in steps, >= 1. Ours."""


class SaturatedUnits(Options):
    """Thresholds of `saturated_units`."""

    share: float = Field(0.8, gt=0, le=1)
    """Maximum fraction of a cell's outputs above 0.95 in magnitude, 0 to 1. Ours."""


class DeadUnits(Options):
    """Thresholds of `dead_units`."""

    share: float = Field(0.2, gt=0, le=1)
    """Maximum fraction of a cell's units whose output does not vary, 0 to 1. Ours; Zhang et al. 2021 have 0.7 of the
    gradients."""


class InitializationScale(Options):
    """Thresholds of `initialization_scale`."""

    least: float = Field(0.1, ge=0)
    """Minimum gain of a recurrent block at the start, the root mean square of its singular values; below it a state is
    lost at once. Ours; torch's own initial values have 0.58."""
    largest: float = Field(2.0, gt=0)
    """Maximum gain at the start, above which gates and states saturate. Ours; He's initial values have 1.4; for a plain
    tanh network a singular value above 1 is necessary for exploding gradients (Pascanu et al. 2013)."""


class InputScale(Options):
    """Thresholds of `input_scale`."""

    sd: float = Field(20.0, gt=0)
    """Maximum standard deviation of the first layer's input, > 0. Ours: standardized inputs have 1."""


class LearningRateTooLow(Options):
    """Thresholds of `learning_rate_too_low`."""

    travel: float = Field(0.7, gt=0)
    """Minimum distance that the weights can move within the budget, as a multiple of their own norm, > 0: the largest
    update-to-weight ratio of any epoch times all steps. Ours; good trainings have 10 and more."""
    progress: float = Field(0.15, ge=0, le=1)
    """Improvement over the trivial predictor, as a fraction of its loss, that shows a rate high enough, 0 to 1.
    Ours."""
    train: float = Field(0.3, ge=0, lt=1)
    """Improvement of the training loss over the trivial predictor, as a fraction of its loss, that shows the same, 0 to
    1; only as far as it fell. Ours."""
    behind: float = Field(3.0, gt=1)
    """In a training that the search pruned, maximum factor by which the largest update-to-weight ratio is below a
    healthy one, > 1. Ours: of random configurations the best third had 0.5 to 2 times the healthy one, those with a
    third of it or less were rarely among them."""
    solved: float = Field(0.99, ge=0, le=1)
    """In a training that the search pruned, improvement of validation or training loss over the trivial predictor, as a
    fraction of its loss, from which nearly nothing is left to learn and the rate is not to blame, 0 to 1. Ours."""
    hopeless: float = Field(0.25, gt=0)
    """Value of `travel` up to which a training can be hopeless, > 0. Ours; of trainings with 0.3 to 0.6 a few still
    learned late."""
    end: float = Field(0.25, gt=0, le=1)
    """Fraction of the budget after which the training is hopeless if it has learned nothing, above 0, to 1. Ours."""
    standing: float = Field(0.1, ge=0, lt=1)
    """Improvement of training or validation loss over the trivial predictor, as a fraction of its loss, that shows that
    something was learned, 0 to 1. Ours."""


class LearningRateTooHigh(Options):
    """Thresholds of `learning_rate_too_high`."""

    update: float = Field(0.04, gt=0)
    """Maximum update-to-weight ratio of any epoch, > 0. Ours; about 1e-3 is healthy (Karpathy, CS231n notes)."""
    progress: float = Field(0.2, ge=0, le=1)
    """Improvement over the trivial predictor, as a fraction of its loss, that shows that large steps do no harm, 0 to
    1. Ours: in sweeps three of four trials with a ratio above 0.04 were among the best third."""
    singular: float = Field(15.0, gt=1)
    """Maximum singular value of a recurrent block to which large steps may drive it, as a multiple of the blocks' gain
    at the start (of 1 where that is less), > 1. Ours: of the best trials with such steps few passed 12, one came to
    16."""


class UnstableLoss(Options):
    """Thresholds of `unstable_loss`."""

    swing: float = Field(0.15, gt=0)
    """Rise of the training loss from one epoch to the next that counts as a swing, as a fraction of the trivial
    predictor's loss, > 0. Ours; Zhang et al. 2021 have 0.03 of accuracy."""
    share: float = Field(0.2, gt=0, le=1)
    """Maximum fraction of epochs with such a rise, 0 to 1. Zhang et al. 2021."""


class Overfitting(Options):
    """Thresholds of `overfitting`."""

    gain: float = Field(0.1, ge=0, lt=1)
    """Improvement of the best epoch over the trivial predictor, as a fraction of its loss, from which there is
    something to lose, 0 to 1. Ours."""
    rise: float = Field(1.0, gt=0)
    """Maximum rise of the validation loss above its best, as a fraction of the best epoch's improvement over the
    trivial predictor, > 0. Ours."""
    epochs: int = Field(3, ge=1)
    """Minimum number of epochs since the best one, >= 1. Ours."""


class TooMuchRegularization(Options):
    """Thresholds of `too_much_regularization`."""

    rate: float = Field(0.7, gt=0, lt=1)
    """Dropout that may be the reason why nothing is learned, 0 to 1. Ours; Schoop et al. 2021 warn above 0.5."""
    gain: float = Field(0.1, ge=0, lt=1)
    """Minimum improvement of the training loss over the trivial predictor with such dropout, as a fraction of its loss,
    0 to 1. Ours."""

    gap_rate: float = Field(0.4, gt=0, lt=1)
    """Dropout that may be the reason why the training loss is above the validation loss, 0 to 1. Ours."""
    gap: float = Field(0.3, gt=0)
    """Maximum difference of training loss and validation loss of the same epoch, as a fraction of the trivial
    predictor's loss, > 0. Ours."""


class ShrinkingWeights(Options):
    """Thresholds of `shrinking_weights`."""

    kept: float = Field(0.93, gt=0, lt=1)
    """Minimum norm of the recurrent layers' weights, as a fraction of its value in the first epoch, 0 to 1. Ours:
    learning makes it grow."""


class GrowingWeights(Options):
    """Thresholds of `growing_weights`."""

    singular: float = Field(15.0, gt=1)
    """Maximum singular value of any recurrent block, as a multiple of the blocks' gain at the start (of 1 where that is
    less), > 1. Ours: in healthy trainings it stayed below 6, in the best of sweeps few passed 12 and one came to 16."""
