"""`python -m tuner`."""

import sys

if not sys.flags.safe_path:  # `python -m` puts the current folder first, where a file could hide a package
    sys.path.append(sys.path.pop(0))

from tuner.cli import main

main()
