"""All steps as one operation, so that an exported network accepts sequences of any length.

A Python loop is exported with the number of steps of the example. So cells use `scanned` while a network is exported,
and otherwise their loops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor

from tuner.nets.cell import State

_EXPORTED: ContextVar[bool] = ContextVar("exported", default=False)


@contextmanager
def exported() -> Iterator[None]:
    """Within this context cells take their steps in one operation."""
    token = _EXPORTED.set(True)
    try:
        yield
    finally:
        _EXPORTED.reset(token)


def is_exported() -> bool:
    """Whether a network is being exported."""
    return _EXPORTED.get()


def scanned(
    step: Callable[[Sequence[Tensor], State], State], sequences: Sequence[Tensor], state: State
) -> tuple[Tensor, State]:
    """Take all steps, without gradients.

    Args:
        step: Function from one step of each sequence and the state before it to the state after it. Tensors from its
            closure must not share memory: see `apart`.
        sequences: Each (T, B, ...).
        state: Before the first step.

    Returns:
        The first parts of the states, (T, B, ...), and the state after the last step.
    """
    from torch._higher_order_ops.scan import scan  # a private module, needed for exports only

    def combined(before: list[Tensor], now: list[Tensor]) -> tuple[list[Tensor], Tensor]:
        after = [part.clone() for part in step(now, tuple(before))]
        return after, after[0].clone()

    last, first_T = scan(combined, [part.clone() for part in state], list(sequences))
    return first_T, tuple(last)


def apart(*parts: Tensor) -> tuple[Tensor, ...]:
    """The same tensors; while a network is exported, copies that share no memory, as `scanned` needs them."""
    return tuple(part.clone() for part in parts) if is_exported() else parts
