"""MLflow as a projection of the study folder: one writer process, rebuilt at any time from the event files.

Nothing named here imports MLflow, which takes two seconds; `tuner.recording.sync` does, where it is used.
"""

from tuner.recording.recorder import Recorder
from tuner.recording.ui import serve_ui
from tuner.recording.uri import tracking_uri

__all__ = ["Recorder", "serve_ui", "tracking_uri"]
