"""All steps as one operation, so that an exported network accepts sequences of any length.

A Python loop is exported with the number of steps of the example. So cells use `scanned` while a network is exported,
and otherwise their loops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only

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
        step: Function from one step of each sequence and the state before it to the state after it.
        sequences: Each (T, B, ...).
        state: Before the first step.

    Returns:
        The first parts of the states, (T, B, ...), and the state after the last step.
    """
    from torch._higher_order_ops.scan import scan_op  # a private module, needed for exports only

    before = [part.clone() for part in state]  # copies here and below: no two inputs or outputs may share memory
    now = [part[0] for part in sequences]
    with _Closure({id(part): part for part in (*before, *now)}) as closure:
        step(now, tuple(before))

    def combined(*tensors: Tensor) -> list[Tensor]:
        parts = iter(tensors)
        before, now = tuple(islice(parts, len(state))), list(islice(parts, len(sequences)))
        with _Closure(dict(zip(map(id, closure.found), parts, strict=True))):
            after = step(now, before)
        return [part.clone() for part in (*after, after[0])]

    *last, first_T = scan_op(combined, before, list(sequences), [part.clone() for part in closure.found])
    return first_T, tuple(last)


class _Closure(TorchFunctionMode):
    """Finds the tensors that a step has from elsewhere, such as weights, or has it read others in their place.

    The operator takes them as inputs. `torch._higher_order_ops.scan.scan` finds them by compiling the step, which takes
    longer than all else that is done for it.

    Args:
        read: What is read in place of a tensor, by its id; any other is read itself and, unless made here, `found`.
    """

    def __init__(self, read: dict[int, Tensor]) -> None:
        super().__init__()
        self.read, self.found = read, list[Tensor]()

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        args, kwargs = tree_map_only(Tensor, self._read, (args, kwargs or {}))
        made = function(*args, **kwargs)
        tree_map_only(Tensor, lambda tensor: self.read.setdefault(id(tensor), tensor), made)
        return made

    def _read(self, tensor: Tensor) -> Tensor:
        if id(tensor) not in self.read:
            self.read[id(tensor)] = tensor
            self.found.append(tensor)
        return self.read[id(tensor)]
