"""Start values of the biases that decide how long a cell keeps its state."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from tuner.config.options import Options
from tuner.errors import TrialError
from tuner.nets.cell_options import ForgetBiasOptions, GateBiasOptions


def start_biases(options: Options, gates: Mapping[str, int], size: int) -> dict[str, Tensor | float]:
    """Gate name -> start values of its bias.

    constant: the forget gate's bias is `forget_bias`; other gates are left out.
    chrono:   b = log u, u ~ U(1, T_max - 1); a state then lasts for about u steps.
    uniform:  b = log(u / (1 - u)), u ~ U(1/H, 1 - 1/H).

    A gate that lets new values in gets -b, with the same u.

    Args:
        options: The cell's options.
        gates: Gate name -> 1 where an open gate keeps the state, -1 where it lets new values in.
        size: Units H.

    Raises:
        TrialError: T_max is needed and not known.

    Reference:
        Tallec & Ollivier 2018, arXiv:1804.11188, "chrono initialization"; Gu et al. 2020, arXiv:1910.09890,
        "uniform gate initialization". No deviation.
    """
    if not isinstance(options, GateBiasOptions):
        return {}
    if options.gate_bias == "constant":
        bias = options.forget_bias if isinstance(options, ForgetBiasOptions) else 0.0
        return {name: sign * bias for name, sign in gates.items() if name == "forget"}
    if options.gate_bias == "chrono":
        if options.max_lag is None:
            raise TrialError("gate_bias chrono needs max_lag, as the data's adapter does not know the longest lag")
        bias_H = torch.empty(size).uniform_(1, max(options.max_lag - 1, 1)).log()
    else:
        edge = min(1 / size, 0.5)
        bias_H = torch.empty(size).uniform_(edge, 1 - edge).logit()
    return {name: sign * bias_H for name, sign in gates.items()}
