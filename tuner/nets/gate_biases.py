"""Initial biases of the gates that keep a cell's state."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from tuner.config.options import Options
from tuner.errors import TrialError
from tuner.nets.cell_options import ForgetBiasOptions, GateBiasOptions


def start_biases(options: Options, gates: Mapping[str, int], size: int) -> dict[str, Tensor | float]:
    """Gate name -> initial values of its bias.

    constant: the forget gate's bias is `forget_bias`; other gates are left out.
    chrono:   b = log u, u ~ U(1, T_max - 1); a state then lasts for about u steps.
    uniform:  b = log(u / (1 - u)), u ~ U(1/H, 1 - 1/H).

    A gate that admits new values gets -b, with the same u.

    Args:
        options: The cell's options.
        gates: Gate name -> 1 if the open gate keeps the state, -1 if it admits new values.
        size: Units H.

    Raises:
        TrialError: T_max is needed and unknown.

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
