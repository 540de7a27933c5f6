"""Optimizers that torch lacks, from the package pytorch-optimizer; imported only where one is chosen."""

from __future__ import annotations

import pytorch_optimizer
from torch import optim

from tuner.optim.catalog import AdamWScheduleFreeOptions, LionOptions, MuonOptions
from tuner.optim.optimizers import Groups, decaying


def lion(groups: Groups, options: LionOptions) -> optim.Optimizer:
    """Lion, w *= 1 - lr * wd; w -= lr * sign(beta1 * m + (1 - beta1) * g); m = beta2 * m + (1 - beta2) * g."""
    optimizer: optim.Optimizer = pytorch_optimizer.Lion(
        decaying(groups, options.weight_decay), options.learning_rate, (options.beta1, options.beta2)
    )
    return optimizer


def muon(groups: Groups, options: MuonOptions) -> optim.Optimizer:
    """Muon on the matrices (the decayed group), Adam on the others, with the same learning rate.

    m = mu * m + (1 - mu) * g; w *= 1 - lr * wd; w -= lr * 0.2 sqrt(max(R, C)) * O((1 - mu) * g + mu * m)

    O makes all singular values about 1, by five Newton-Schulz iterations in bfloat16; R and C are rows and columns.
    With this scale a step is as large as Adam's (Liu et al. 2025, section 2.2). Stacked gates count as one matrix; the
    head's matrix also gets Muon.
    """
    matrices, others = decaying(groups, options.weight_decay)
    optimizer: optim.Optimizer = pytorch_optimizer.Muon(
        [
            {**matrices, "lr": options.learning_rate, "use_muon": True},
            {
                **others,
                "lr": options.learning_rate,
                "use_muon": False,
                "betas": (options.beta1, options.beta2),
                "eps": options.eps,
            },
        ],
        momentum=options.momentum,
        use_adjusted_lr=True,
    )
    return optimizer


def adamw_schedule_free(groups: Groups, options: AdamWScheduleFreeOptions) -> optim.Optimizer:
    """Schedule-free AdamW; see `tuner.optim.averaging.OptimizersAverage` for the evaluated weights."""
    optimizer: optim.Optimizer = pytorch_optimizer.ScheduleFreeAdamW(
        decaying(groups, options.weight_decay),
        options.learning_rate,
        (options.beta1, options.beta2),
        eps=options.eps,
    )
    return optimizer
