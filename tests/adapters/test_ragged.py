from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.adapters.ragged import Ragged, slices, write_ragged

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(LENGTHS, st.sampled_from([(), (1,), (3,)]), st.sampled_from([np.float32, np.uint16]), st.data())
def test_padded_equals_a_plain_loop(
    lengths: list[int], features: tuple[int, ...], dtype: type[np.generic], data: st.DataObject
) -> None:
    """Any choice of items, in any order, comes back whole with zeros on the right."""
    rng = np.random.default_rng(0)
    items = [rng.integers(1, 100, (length, *features)).astype(dtype) for length in lengths]
    indices = np.array(data.draw(st.lists(st.integers(0, len(items) - 1), min_size=1, max_size=8)))
    with TemporaryDirectory() as folder:
        write_ragged(Path(folder), "x", items)
        stored = Ragged(Path(folder), "x")
        padded = stored.padded(indices)
        assert len(stored) == len(items)
        assert stored.lengths.tolist() == lengths
        for index, item in enumerate(items):
            np.testing.assert_array_equal(stored[index], item)
    expected = np.zeros((len(indices), max(lengths[i] for i in indices), *features), dtype=dtype)
    for row, index in enumerate(indices):
        expected[row, : lengths[index]] = items[index]
    assert padded.dtype == dtype
    np.testing.assert_array_equal(padded, expected)


def test_stored_values_are_never_changed(tmp_path: Path) -> None:
    """Writing into a batch leaves the stored items as they were."""
    write_ragged(tmp_path, "x", [np.ones(3, np.float32), np.ones(2, np.float32)])
    stored = Ragged(tmp_path, "x")
    stored.padded(np.array([0, 1]))[:] = 7
    assert stored[0].tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="read-only"):
        stored[0][0] = 7


def test_slices_beyond_the_values_are_refused() -> None:
    """A slice that would run past the end of memory raises instead of reading on."""
    with pytest.raises(IndexError):
        slices(np.arange(10.0), np.array([8]), 3)
