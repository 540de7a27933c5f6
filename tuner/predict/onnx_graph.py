"""A network as an ONNX graph that takes batches of any size and length.

Cells around PyTorch's kernels become ONNX's own LSTM, GRU and RNN; the steps of others become one Scan (see
`tuner.nets.cells.scanned`). torch's exporter by itself fixes the length of either at the example's, without a word. A
graph is therefore run at other sizes, and compared, before it is given out.

Letters of shapes: B batch, T steps, I inputs, H units, G gates.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from tuner.adapters.base import Graph
from tuner.nets.cells.fused import FusedCell
from tuner.nets.cells.noise import noise_of
from tuner.nets.cells.scanned import exported

OPSET = 18
"""Of ONNX; what onnxruntime 1.14, of 2023, and later read."""
TOLERANCE = 1e-5
"""Largest difference from torch, as a part of the value where that is above 1."""
ROUNDING = 8
"""Larger ones are rounding up to this many times what one bit of each weight changes: a layer normalization of nearly
equal numbers makes its last bits large, in torch as elsewhere."""
SIZES = ((1, 1), (1, 23), (5, 4), (4, 40))
"""Items and steps that a graph is tried at; it is made at others."""
_MADE_AT = (3, 7)
_INPUT = "__given_"
"""Begins the names of inputs while a graph is made, as the exporter calls a value in it `mean` by its operation."""


class ExportError(RuntimeError):
    """A network has no such graph; the text says why."""


def onnx_graph(served: Graph) -> bytes:
    """The graph of a model: from `x`, `lengths`, int64 (B,), and its other inputs to `prediction`.

    Args:
        served: Its module is not changed.

    Raises:
        ExportError: It cannot be made, or does not answer as the network does.
    """
    with torch.random.fork_rng(devices=()), torch.no_grad():
        torch.manual_seed(0)
        graph = _exported(served)
        session = opened(graph)
        for items, steps in SIZES:
            compare(served.module, session, _inputs(served, items, steps))
    return graph


def opened(graph: bytes) -> onnxruntime.InferenceSession:
    """A graph that answers, on one CPU thread."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # the optimizer's remarks on what it removes are nobody's concern
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def compare(module: nn.Module, session: onnxruntime.InferenceSession, inputs: Mapping[str, Tensor]) -> None:
    """A graph answers as torch does.

    Raises:
        ExportError: It does not.
    """
    wanted = module(*inputs.values())
    size = f"{inputs['x'].shape[0]} items of {inputs['x'].shape[1]} steps"
    try:
        (found,) = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    except Exception as error:  # onnxruntime's own kinds
        raise ExportError(f"the graph cannot read {size}: {_line(error)}") from error
    if found.shape != tuple(wanted.shape):
        raise ExportError(f"the graph answers {size} by {found.shape}, not {tuple(wanted.shape)}")
    if np.allclose(found, wanted.numpy(), rtol=TOLERANCE, atol=TOLERANCE):
        return
    off = float(np.abs(found - wanted.numpy()).max())
    rounding = max(float((_one_bit_off(module)(*inputs.values()) - wanted).abs().max()) for _ in range(4))
    if not off <= ROUNDING * rounding:
        raise ExportError(f"the graph answers {size} with an error of {off:.1e}")


def _one_bit_off(module: nn.Module) -> nn.Module:
    """A copy whose weights are larger or smaller by their last bit, by chance."""
    module = copy.deepcopy(module)
    for parameter in module.parameters():
        parameter.mul_(1 + torch.finfo(parameter.dtype).eps * torch.randn_like(parameter).sign())
    return module


def _exported(served: Graph) -> bytes:
    network, inputs = copy.deepcopy(served.module), _inputs(served, *_MADE_AT)
    for module in list(network.modules()):
        if isinstance(module, FusedCell) and not noise_of(module.options, training=False).stepwise:
            module.kernel = NativeKernel(module.kernel)  # type: ignore[assignment]  # reads alike
    items, steps = torch.export.Dim("batch"), torch.export.Dim("steps")
    shapes = [{0: items, 1: steps} if name in served.stepped else {0: items} for name in inputs]
    from torch._dynamo import config  # which takes a second, and is needed only here

    try:
        # The cache compares every size of every value with all before; with sizes that are open it only takes time.
        with exported(), _quiet(), config.patch(fake_tensor_cache_enabled=False):
            program = torch.onnx.export(
                network,
                tuple(inputs.values()),
                input_names=[_INPUT + name for name in inputs],
                output_names=["prediction"],
                dynamic_shapes=(*shapes[:2], *([tuple(shapes[2:])] if len(shapes) > 2 else [])),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # the exporter raises many kinds
        raise ExportError(_line(error.__cause__ or error)) from error
    assert program is not None
    made = program.model_proto
    _clear(made.graph)
    taken = {output for node in made.graph.node for output in node.output} & set(inputs)
    _rename(made.graph, {name: f"{_INPUT}{name}_within" for name in taken})
    _rename(made.graph, {_INPUT + name: name for name in inputs})
    return bytes(made.SerializeToString())


def _clear(graph: Any) -> None:
    """Remove what is no part of the answer: where in which file of whose machine each node comes from."""
    del graph.value_info[:], graph.metadata_props[:]
    for node in graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _clear(attribute.g)


def _rename(graph: Any, names: Mapping[str, str]) -> None:
    """Give values of a graph, and of the graphs within it, other names."""
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _rename(attribute.g, names)


def _inputs(served: Graph, items: int, steps: int) -> dict[str, Tensor]:
    """Made-up inputs; the first item has all steps."""
    lengths_B = torch.randint(1, steps + 1, (items,))
    lengths_B[0] = steps
    x, *others = served.example(items, steps).items()
    return dict([x, ("lengths", lengths_B), *others])


def _line(error: BaseException) -> str:
    """What an exporter says at length, in short."""
    return " ".join(str(error).split())[:300]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the remarks of the exporter's parts on what they skip."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


_OPERATORS: Mapping[type[nn.RNNBase], tuple[str, tuple[int, ...]]] = {
    nn.RNN: ("RNN", (0,)),
    nn.LSTM: ("LSTM", (0, 3, 1, 2)),  # i, o, f, g
    nn.GRU: ("GRU", (1, 0, 2)),  # z, r, n
}
"""ONNX's operator for a kernel, and its gates by their places in the kernel's."""


class NativeKernel(nn.Module):
    """A one-layer `torch.nn` kernel that reads forwards, as ONNX's operator; only to be exported.

    Args:
        kernel: `nn.RNN`, `nn.LSTM` or `nn.GRU`, batch first.
    """

    def __init__(self, kernel: nn.RNNBase) -> None:
        super().__init__()
        self.hidden_size = kernel.hidden_size
        self.operator, order = _OPERATORS[type(kernel)]
        self.states = 2 if self.operator == "LSTM" else 1
        self.attributes: dict[str, Any] = {"hidden_size": kernel.hidden_size}
        if isinstance(kernel, nn.GRU):
            self.attributes["linear_before_reset"] = 1
        if isinstance(kernel, nn.RNN):
            self.attributes["activations"] = [kernel.nonlinearity.capitalize()]

        def ordered(name: str) -> Tensor:
            parts = kernel.get_parameter(name).detach().chunk(len(order))
            return torch.cat([parts[place] for place in order])[None]

        self.register_buffer("W", ordered("weight_ih_l0"))
        self.register_buffer("R", ordered("weight_hh_l0"))
        self.register_buffer("B", torch.cat((ordered("bias_ih_l0"), ordered("bias_hh_l0")), 1))

    def forward(self, x_BTI: Tensor, start: object = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The outputs, (B, T, H), and the states after the last step, (1, B, H) each; from zeros on."""
        assert start is None
        x_TBI, size = x_BTI.transpose(0, 1), self.hidden_size
        steps, items = x_TBI.shape[:2]
        y_T1BH, *end_1BH = torch.onnx.ops.symbolic_multi_out(
            self.operator,
            (x_TBI, self.get_buffer("W"), self.get_buffer("R"), self.get_buffer("B")),
            self.attributes,
            dtypes=(x_TBI.dtype,) * (1 + self.states),
            shapes=((steps, 1, items, size), *((1, items, size),) * self.states),
            version=OPSET,
        )
        return y_T1BH.squeeze(1).transpose(0, 1), tuple(end_1BH)
