"""For tests of your own cells, adapters and recorders: test classes to subclass, small data, sweeps in this process.

Needs pytest (the extra `testing`), which nothing else in the package imports. docs/extending.md shows its use.
"""

import pytest

pytest.register_assert_rewrite(
    "tuner.testing.adapters", "tuner.testing.cells", "tuner.testing.codecs", "tuner.testing.recorders"
)
