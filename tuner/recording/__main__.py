"""`python -m tuner.recording STUDY_FOLDER`: see `tuner.recording.writer`."""

import sys

from tuner.garbage import collect_rarely


def main() -> int:
    """Import MLflow, and write."""
    collect_rarely()
    from tuner.recording import writer

    return writer.main()


if __name__ == "__main__":
    sys.exit(main())
