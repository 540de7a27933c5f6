"""What findings are held against: thresholds that a task file may change, each with its source.

Where the source is "ours", the value was set on the tasks and seeds of `benchmarks/seeded_faults.py --set` and judged
on others, or on sweeps and random configurations where its text says so.
"""

from __future__ import annotations

from pydantic import Field

from tuner.config.options import Options


class NonFinite(Options):
    """Thresholds of `non_finite`: none."""


class ExplodedLoss(Options):
    """Thresholds of `exploded_loss`."""

    factor: float = Field(10.0, gt=1)
    """Training loss over the trivial predictor's from which it is exploded, > 1. Ours; Zhang et al. 2021 have a loss
    of 1000, which depends on its unit."""
    epochs: int = Field(3, ge=1)
    """Epochs in a row above it, without one that is lower than the one before by a tenth, >= 1. Ours."""


class StuckAtTrivial(Options):
    """Thresholds of `stuck_at_trivial`."""

    gain: float = Field(0.03, ge=0, lt=1)
    """Minimum improvement of the best epoch over the trivial predictor, as a fraction of its loss, 0 to 1. Ours."""
    train: float = Field(0.1, ge=0, lt=1)
    """The same of the training loss, from which on something was learned, though it may not generalize, 0 to 1.
    Ours."""
    epochs: int = Field(3, ge=1)
    """Epochs before which nothing is told, >= 1. Ours."""
    warn: float = Field(0.2, gt=0, le=1)
    """Fraction of the budget after which it is reported, above 0, to 1. Ours, near Zhang et al. 2021 (0.3)."""
    end: float = Field(0.3, gt=0, le=1)
    """Fraction of the budget after which the training is hopeless, above 0, to 1, if its cause was found too. Ours;
    without a cause it may be on a plateau, as tasks of long memory have."""
    moving: float = Field(0.005, ge=0, lt=1)
    """Relative fall of the training loss over the last quarter that shows it on its way: it is not ended; nor is one
    whose training loss fell in every epoch of the second half. Ours."""


class NotGeneralizing(Options):
    """Thresholds of `not_generalizing`."""

    gain: float = Field(0.02, ge=0, lt=1)
    """Minimum improvement of the validation loss on the trivial predictor, as a fraction of its loss, 0 to 1. Ours."""
    train: float = Field(0.1, gt=0, lt=1)
    """Improvement of the training loss that should have brought it, as the same fraction, 0 to 1. Ours."""


class VanishingGradient(Options):
    """Thresholds of `vanishing_gradient`."""

    attenuation: float = Field(1e-4, gt=0, lt=1)
    """What the gradient through the state must keep over the task's lag, 0 to 1. Ours."""
    hopeless: float = Field(1e-8, gt=0, lt=1)
    """The same below which it explains why nothing is learned, so that a training may be ended, 0 to 1. Ours: from 1e-5
    trainings were seen to recover."""
    progress: float = Field(0.2, ge=0, le=1)
    """Improvement over the trivial predictor, as a fraction of its loss, that shows enough memory, 0 to 1. Ours."""


class ExplodingGradient(Options):
    """Thresholds of `exploding_gradient`."""

    growth: float = Field(1e3, gt=1)
    """Factor by which the gradient through the state may grow over the task's lag, > 1. Ours."""
    outlier: float = Field(100.0, gt=1)
    """Largest gradient norm of an epoch without clipping, over the mean norm of the first epoch or, if larger, of the
    median epoch, > 1. Ours."""


class SaturatedGate(Options):
    """Thresholds of `saturated_gate`."""

    closed: float = Field(0.8, gt=0, le=1)
    """Share of a gate's values below 0.1 from which it is shut, 0 to 1. Ours, after Karpathy et al. 2016."""
    open: float = Field(0.95, gt=0, le=1)
    """Share of a gate's values on either side of 0.1 and 0.9 from which it no longer decides anything, 0 to 1. Ours."""


class NoMemory(Options):
    """Thresholds of `no_memory`."""

    steps: float = Field(0.5, gt=0)
    """Steps after which the units that remember longest have forgotten to 1/e, 95th percentile, > 0. Ours; a gate at
    0.5 gives 1.4."""
    lag: int = Field(5, ge=1)
    """Lag of a task that needs memory, in steps, >= 1. Ours."""


class SaturatedUnits(Options):
    """Thresholds of `saturated_units`."""

    share: float = Field(0.8, gt=0, le=1)
    """Share of a cell's outputs above 0.95 in size, 0 to 1. Ours."""


class DeadUnits(Options):
    """Thresholds of `dead_units`."""

    share: float = Field(0.2, gt=0, le=1)
    """Share of a cell's units whose output does not vary, 0 to 1. Ours; Zhang et al. 2021 have 0.7 of the gradients."""


class InitializationScale(Options):
    """Thresholds of `initialization_scale`."""

    least: float = Field(0.1, ge=0)
    """Root mean square of a recurrent block's singular values at the start below which nothing is carried on. Ours;
    torch's own start values have 0.58."""
    largest: float = Field(2.0, gt=0)
    """The same above which gates and states saturate. Ours; He's start values have 1.4; for a plain tanh network a
    singular value above 1 is necessary for exploding gradients (Pascanu et al. 2013)."""


class InputScale(Options):
    """Thresholds of `input_scale`."""

    sd: float = Field(20.0, gt=0)
    """Standard deviation of what the first layer reads, > 0. Ours: standardized inputs have 1."""


class LearningRateTooLow(Options):
    """Thresholds of `learning_rate_too_low`."""

    travel: float = Field(0.7, gt=0)
    """Largest update-to-weight ratio of any epoch times the steps of the whole budget, > 0: how far the weights can
    come, in their own size. Ours; good trainings have 10 and more."""
    progress: float = Field(0.15, ge=0, le=1)
    """Improvement over the trivial predictor, as a fraction of its loss, that shows a rate high enough, 0 to 1.
    Ours."""
    behind: float = Field(3.0, gt=1)
    """Factor by which the largest update-to-weight ratio is below a healthy one where the search cut the training, > 1.
    Ours: of random configurations the best third had 0.5 to 2 times the healthy one, those with a third of it or less
    were rarely among them."""
    hopeless: float = Field(0.25, gt=0)
    """So little `travel` is hopeless, > 0. Ours; of trainings with 0.3 to 0.6 of it a few still learned late."""
    end: float = Field(0.25, gt=0, le=1)
    """Fraction of the budget after which the training is hopeless, above 0, to 1, if it has learned nothing. Ours."""
    standing: float = Field(0.1, ge=0, lt=1)
    """Share of the trivial predictor's loss by which training and validation loss are below it where something was
    learned. Ours."""


class LearningRateTooHigh(Options):
    """Thresholds of `learning_rate_too_high`."""

    update: float = Field(0.04, gt=0)
    """Largest epoch's update-to-weight ratio, > 0. Ours; about 1e-3 is healthy (Karpathy, CS231n notes)."""
    progress: float = Field(0.2, ge=0, le=1)
    """Share of the trivial predictor's loss that the best epoch is below it where large steps do no harm, 0 to 1. Ours:
    in sweeps three of four trials with a ratio above 0.04 were among the best third."""
    singular: float = Field(15.0, gt=1)
    """Largest singular value of a recurrent block, over the blocks' gain at the start, at least 1, to which large steps
    may drive it, > 1. Ours: of the best trials with such steps few passed 12, one came to 16."""


class UnstableLoss(Options):
    """Thresholds of `unstable_loss`."""

    swing: float = Field(0.15, gt=0)
    """Rise of the training loss from one epoch to the next over the trivial predictor's loss that counts as a swing.
    Ours; Zhang et al. 2021 have 0.03 of accuracy."""
    share: float = Field(0.2, gt=0, le=1)
    """Share of epochs that swing, 0 to 1. Zhang et al. 2021."""


class Overfitting(Options):
    """Thresholds of `overfitting`."""

    gain: float = Field(0.1, ge=0, lt=1)
    """Share of the trivial predictor's loss that the best epoch is below it, 0 to 1: what can be lost. Ours."""
    rise: float = Field(1.0, gt=0)
    """Rise of the validation loss above its best, over what the best is below the trivial predictor's, > 0. Ours."""
    epochs: int = Field(3, ge=1)
    """Epochs since the best at least, >= 1. Ours."""


class TooMuchRegularization(Options):
    """Thresholds of `too_much_regularization`."""

    rate: float = Field(0.7, gt=0, lt=1)
    """Dropout that may be the reason why nothing is learned, 0 to 1. Ours; Schoop et al. 2021 warn above 0.5."""
    gain: float = Field(0.1, ge=0, lt=1)
    """Share of the trivial predictor's loss by which the training loss falls below it all the same, 0 to 1. Ours."""

    gap_rate: float = Field(0.4, gt=0, lt=1)
    """Dropout that may be the reason for a gap, 0 to 1. Ours."""
    gap: float = Field(0.3, gt=0)
    """Training loss above the validation loss of the same epoch, over the trivial predictor's loss, > 0. Ours."""


class ShrinkingWeights(Options):
    """Thresholds of `shrinking_weights`."""

    kept: float = Field(0.93, gt=0, lt=1)
    """What the norm of the recurrent layers' weights keeps of its first epoch's value, 0 to 1. Ours: learning makes it
    grow."""


class GrowingWeights(Options):
    """Thresholds of `growing_weights`."""

    singular: float = Field(15.0, gt=1)
    """Largest singular value of any recurrent block over the blocks' gain at the start, at least 1; > 1. Ours: in
    healthy trainings it stayed below 6, in the best of sweeps few passed 12 and one came to 16."""
