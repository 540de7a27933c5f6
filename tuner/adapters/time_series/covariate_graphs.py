"""Covariates as inputs of an exported graph: from unscaled numbers and codes of categories to features of steps.

B items, L rows of a window, H rows ahead, T steps back, D steps ahead, F features of a row.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tuner.adapters.time_series.clocks import meant_by
from tuner.adapters.time_series.covariate_windows import steps_ahead
from tuner.adapters.time_series.covariates import Covariates

_NUMBERS = "unscaled numbers: {}; missing ones are filled before, by data.missing, and NaN is the mean of training"
_CODES = "categories: {}; by their place in facts.covariates.categories, from 1 on, 0 for all others"
_BACK, _AHEAD = "; of the rows of x", "; of the rows to forecast"


class CovariateInputs(nn.Module):
    """Lays covariates beside the steps of windows as `CovariateRows` does.

    Args:
        covariates: Their description.
        horizon: Rows to forecast, H.
        segment: Rows per step.
    """

    def __init__(self, covariates: Covariates, horizon: int, segment: int) -> None:
        super().__init__()
        self.covariates, self.horizon, self.segment = covariates, horizon, segment
        self.steps_ahead = steps_ahead(covariates, horizon, segment)
        row, ahead = covariates.by_row, int(covariates.ahead)
        names = covariates.features
        known, codes = row.numbers_ahead, row.numbers + row.codes_ahead
        self.columns = {
            "known": names[:known],
            "known_ahead": names[:known] * ahead,
            "past": names[known : row.numbers],
            "known_codes": names[row.numbers : codes],
            "known_codes_ahead": names[row.numbers : codes] * ahead,
            "past_codes": names[codes:],
            "static": [name for name in covariates.static if name not in covariates.categories],
            "static_codes": [name for name in covariates.static if name in covariates.categories],
        }
        """Input -> the columns that it holds."""
        self.names = [name for name, columns in self.columns.items() if columns]
        self.stepped = [name for name in ("known", "past", "known_codes", "past_codes") if self.columns[name]]
        for name in ("known", "past", "static"):
            scaling = [covariates.scaling.get(column, (0.0, 1.0)) for column in self.columns[name]]
            self.register_buffer(f"{name}_scaling", torch.tensor(scaling, dtype=torch.float64).reshape(-1, 2).T)

    def forward(self, x_BTI: Tensor, lengths_B: Tensor, steps_B: Tensor, given: Mapping[str, Tensor]) -> Tensor:
        """The steps of targets joined with those ahead and with their covariates, (B, T + D, ...).

        Args:
            x_BTI: The targets' steps.
            lengths_B: Rows of each window.
            steps_B: The same in steps.
            given: The inputs by name.
        """
        items, steps = x_BTI.shape[0], x_BTI.shape[1] + self.steps_ahead
        slot_L = torch.arange(steps * self.segment)
        back_BL = slot_L - (steps_B * self.segment - lengths_B)[:, None]
        ahead_BL = slot_L - (steps_B * self.segment)[:, None]
        horizon_B = torch.full_like(lengths_B, self.horizon)
        rows = []
        for kind in ("", "_codes"):
            if f"known{kind}" in given:
                known_BLF = _laid(self._features(given, f"known{kind}"), back_BL, lengths_B)
                after_BLF = _laid(self._features(given, f"known{kind}_ahead"), ahead_BL, horizon_B)
                rows.append(known_BLF + after_BLF)
            if f"past{kind}" in given:
                rows.append(_laid(self._features(given, f"past{kind}"), back_BL, lengths_B))
            if not kind and self.steps_ahead:
                rows.append(((ahead_BL >= 0) & (ahead_BL < self.horizon)).float()[..., None])
        zeros_BDI = x_BTI.new_zeros(items, self.steps_ahead, x_BTI.shape[2])
        found = [torch.cat((x_BTI, zeros_BDI), 1) if self.steps_ahead else x_BTI]
        if rows:
            rows_BLF = torch.cat(rows, 2)
            found.append(rows_BLF.reshape(items, steps, self.segment * rows_BLF.shape[2]))
        static = [self._features(given, name) for name in ("static", "static_codes") if name in given]
        if static:
            beyond_BT1 = (torch.arange(steps) >= (steps_B + self.steps_ahead)[:, None])[..., None]
            found.append(torch.cat(static, 1)[:, None].expand(-1, steps, -1).masked_fill(beyond_BT1, 0))
        return torch.cat(found, 2)

    def _features(self, given: Mapping[str, Tensor], name: str) -> Tensor:
        """Scaled numbers, or codes, as the network has them."""
        if "codes" in name:
            return given[name].float()
        mean_F, scale_F = self.get_buffer(f"{name.removesuffix('_ahead')}_scaling").unbind(0)
        scaled = (given[name] - mean_F) / scale_F
        return scaled.masked_fill(scaled.isnan(), 0).float()

    def example(self, items: int, steps: int) -> dict[str, Tensor]:
        """Inputs by chance; see `Graph`."""
        found = {}
        for name in self.names:
            columns = self.columns[name]
            middle = () if name.startswith("static") else (self.horizon if name.endswith("_ahead") else steps,)
            if "codes" in name:
                sizes = [len(self.covariates.categories[column]) + 1 for column in columns]
                found[name] = torch.stack([torch.randint(0, size, (items, *middle)) for size in sizes], -1)
            else:
                mean_F, scale_F = self.get_buffer(f"{name.removesuffix('_ahead')}_scaling").unbind(0)
                found[name] = mean_F + scale_F * torch.randn(items, *middle, len(columns), dtype=torch.float64)
        return found

    def about(self) -> dict[str, str]:
        """What each input holds."""
        calendar = f"sine and cosine of 2 pi times a time's place in its {', '.join(self.covariates.calendar)}"
        calendar += f", {meant_by(self.covariates.zone)}"
        found = {}
        for name in self.names:
            columns = ", ".join(dict.fromkeys(self.columns[name])).replace("data.calendar", calendar)
            when = _AHEAD if name.endswith("_ahead") else "" if name.startswith("static") else _BACK
            found[name] = (_CODES if "codes" in name else _NUMBERS).format(columns) + when
        return found


def _laid(values_BRF: Tensor, slot_BL: Tensor, count_B: Tensor) -> Tensor:
    """The rows that slots hold, zeros where they hold none, (B, L, F)."""
    item_B1 = torch.arange(values_BRF.shape[0])[:, None]
    beyond_BL1 = ((slot_BL < 0) | (slot_BL >= count_B[:, None]))[..., None]
    return values_BRF[item_B1, slot_BL.clamp(0, values_BRF.shape[1] - 1)].masked_fill(beyond_BL1, 0)
