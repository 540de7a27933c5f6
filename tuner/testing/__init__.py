"""For tests of your own cells, adapters and recorders: contracts to subclass, small data, sweeps in this process.

Needs pytest (the extra `testing`), which nothing else of the package imports. docs/extending.md shows how it is used.
"""

import pytest

pytest.register_assert_rewrite(
    "tuner.testing.adapters", "tuner.testing.cells", "tuner.testing.codecs", "tuner.testing.recorders"
)
