"""The names of what is measured: metrics of an epoch, and quantities of its per-tensor tables.

Scores of a split are called `val/<metric>` and `test/<metric>`. A name matches [A-Za-z0-9_./ -]+, which is
what MLflow takes.
"""

TRAIN_LOSS = "train/loss"
"""Mean training loss over the epoch's items, dropout included."""
LEARNING_RATE = "lr"
"""Learning rate of the epoch's last step."""
GRAD_NORM = "grad/norm"
"""Mean over the epoch's finite steps of the global gradient norm, before clipping."""
GRAD_NORM_MAX = "grad/norm_max"
"""Largest of them."""
GRAD_CLIPPED = "grad/clipped"
"""Share of steps whose gradient was clipped, 0 to 1; above 0.5 the clipping does the learning rate's work."""
GRAD_NONFINITE_STEPS = "grad/nonfinite_steps"
"""Steps left out because their gradient was not finite."""
WEIGHT_NORM = "weight/norm"
"""Global norm of the parameters, root of the sum of squares of the per-tensor epoch means."""
UPDATE_RATIO = "update/ratio"
"""Median over the parameter tensors of the epoch's mean update-to-weight ratio; about 1e-3 is healthy."""
EPOCH_SECONDS = "time/epoch_seconds"
"""Wall seconds of the epoch, validation included."""
STEPS_PER_SECOND = "time/steps_per_second"
"""Optimizer steps per wall second of training."""

GRAD = "grad"
"""Per tensor: gradient norm before clipping, mean over the epoch's probed steps."""
WEIGHT = "weight"
"""Per tensor: norm, mean over the epoch's probed steps."""
UPDATE = "update"
"""Per tensor: update-to-weight ratio, mean over the epoch's probed steps."""
