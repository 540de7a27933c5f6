"""Records of studies, rebuilt at any time from the event files: MLflow as the one that ships.

Nothing named here imports MLflow, which takes two seconds; its writer process does, and `sync` where it is used.
"""

from tuner.recording.contract import SWEEP, Recorder, Recording

__all__ = ["SWEEP", "Recorder", "Recording"]
