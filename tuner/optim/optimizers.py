"""Optimizers, and which parameters they decay.

Weight decay is decoupled wherever it exists (Loshchilov & Hutter 2019): before the gradient step, w *= 1 -
lr * wd. It acts on matrices, not on biases, gains of norms and embeddings: decay would pull a forget gate's bias to 0,
where half of the memory is lost at every step.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import MethodType
from typing import Any, Protocol

import torch
from torch import nn, optim

from tuner.optim.catalog import (
    OPTIMIZERS,
    AdamOptions,
    AdamWOptions,
    NAdamOptions,
    RAdamOptions,
    RMSpropOptions,
    SGDOptions,
)

Groups = list[dict[str, Any]]
"""Parameter groups for torch, each with "name" and "params": first "decayed", then "spared"."""

for _wrapped in (
    optim.Optimizer.add_param_group,
    optim.Optimizer.load_state_dict,
    optim.Optimizer.state_dict,
    optim.Optimizer.zero_grad,
):  # called as they are, where torch would first import its compiler; see `eager_step`
    _method = inspect.unwrap(_wrapped)
    vars(_method).setdefault("__dynamo_disable", _method)


class Maker(Protocol):
    """Builds an optimizer over two groups; called once per attempt, in the worker.

    It uses torch's fused implementation if there is one (on one CPU thread with ten tensors a step takes 0.4 of the
    loop's time for Adam, 0.6 for SGD), else the one with `torch._foreach_*` (0.9 for RMSprop).
    """

    def __call__(self, groups: Groups, options: Any, /) -> optim.Optimizer:
        """The optimizer at the options' learning rate."""
        ...


def make_optimizer(name: str, options: Any, network: nn.Module) -> optim.Optimizer:
    """The optimizer called `name` over all parameters of a network.

    Args:
        name: A name from `OPTIMIZERS`.
        options: An instance of that entry's options model.
        network: The network, on its device.

    Returns:
        An optimizer whose two groups carry their `name`: "decayed", "spared".
    """
    parameters = dict(network.named_parameters())
    groups: Groups = [
        {"name": group, "params": [parameters[member] for member in members]}
        for group, members in parameter_groups(network).items()
    ]
    make: Maker = OPTIMIZERS[name].load()
    return make(groups, options)


def eager_step(optimizer: optim.Optimizer) -> Callable[[], object]:
    """The step of an optimizer, with its hooks, without torch's compiler.

    `torch.optim` wraps each step in two calls to `torch._dynamo`; importing that for nothing takes a second and 70 MB
    in each process that trains.
    """
    step = torch.no_grad()(inspect.unwrap(type(optimizer).step, stop=_is_not_torchs))
    return MethodType(optim.Optimizer.profile_hook_step(step), optimizer)


def _is_not_torchs(wrapper: Any) -> bool:
    """Whether code of someone else wraps a step, which then stays."""
    return not getattr(wrapper, "__globals__", {}).get("__name__", "").startswith("torch.")


def parameter_groups(network: nn.Module) -> dict[str, list[str]]:
    """Names of all parameters: "decayed" has the matrices, "spared" biases, norm gains, embeddings."""
    embeddings = {id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)}
    groups: dict[str, list[str]] = {"decayed": [], "spared": []}
    for name, parameter in network.named_parameters():
        decayed = parameter.ndim >= 2 and id(parameter) not in embeddings
        groups["decayed" if decayed else "spared"].append(name)
    return groups


def set_rate(optimizer: optim.Optimizer, base: float, factor: float) -> None:
    """Set the learning rate of every group to `base * factor`, the peak rate times a schedule's factor."""
    for group in optimizer.param_groups:
        group["lr"] = base * factor


def sgd(groups: Groups, options: SGDOptions) -> optim.Optimizer:
    """Gradient descent, v = momentum * v + g; w -= lr * v, with nesterov lr * (g + momentum * v)."""
    return _with_decay(
        optim.SGD(groups, options.learning_rate, momentum=options.momentum, nesterov=options.nesterov, fused=True),
        options.weight_decay,
    )


def rmsprop(groups: Groups, options: RMSpropOptions) -> optim.Optimizer:
    """RMSprop, s = alpha * s + (1 - alpha) * g^2; w -= lr * g / (sqrt(s) + 1e-8)."""
    return _with_decay(
        optim.RMSprop(groups, options.learning_rate, alpha=options.alpha, foreach=True), options.weight_decay
    )


def adam(groups: Groups, options: AdamOptions) -> optim.Optimizer:
    """Adam, as published."""
    return optim.Adam(
        groups,
        options.learning_rate,
        betas=(options.beta1, options.beta2),
        eps=options.eps,
        fused=True,
    )


def adamw(groups: Groups, options: AdamWOptions) -> optim.Optimizer:
    """AdamW. Deviation: the decay is multiplied by the learning rate, as in torch."""
    return optim.AdamW(
        decaying(groups, options.weight_decay),
        options.learning_rate,
        betas=(options.beta1, options.beta2),
        eps=options.eps,
        fused=True,
    )


def nadam(groups: Groups, options: NAdamOptions) -> optim.Optimizer:
    """NAdam, as published, with the decay of AdamW."""
    return optim.NAdam(
        decaying(groups, options.weight_decay),
        options.learning_rate,
        betas=(options.beta1, options.beta2),
        eps=options.eps,
        momentum_decay=options.momentum_decay,
        decoupled_weight_decay=True,
        foreach=True,
    )


def radam(groups: Groups, options: RAdamOptions) -> optim.Optimizer:
    """RAdam, with the decay of AdamW. Deviation: eps is added to the root before bias correction, as in torch."""
    return optim.RAdam(
        decaying(groups, options.weight_decay),
        options.learning_rate,
        betas=(options.beta1, options.beta2),
        eps=options.eps,
        decoupled_weight_decay=True,
        foreach=True,
    )


def decaying(groups: Groups, weight_decay: float) -> Groups:
    """The groups for an optimizer with its own decoupled decay."""
    decayed, spared = groups
    return [{**decayed, "weight_decay": weight_decay}, {**spared, "weight_decay": 0.0}]


def _with_decay(optimizer: optim.Optimizer, weight_decay: float) -> optim.Optimizer:
    """Add decoupled decay to an optimizer without one: torch's own would be L2."""

    def decay(optimizer: optim.Optimizer, *_: object) -> None:
        decayed = optimizer.param_groups[0]
        with torch.no_grad():
            torch._foreach_mul_(decayed["params"], 1 - decayed["lr"] * weight_decay)

    if weight_decay and optimizer.param_groups[0]["params"]:
        optimizer.register_step_pre_hook(decay)
    return optimizer
