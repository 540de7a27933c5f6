"""Records of studies, which can be rebuilt from the event files at any time; MLflow ships with the package.

These modules do not import MLflow, which takes two seconds; only its writer process and `sync` do.
"""

from tuner.recording.contract import SWEEP, Recorder, Recording

__all__ = ["SWEEP", "Recorder", "Recording"]
