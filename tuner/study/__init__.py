"""The Optuna study: samplers, rungs, storage. Workers never touch it; the driver is its only writer."""

from tuner.study.search import Search, Suggestion

__all__ = ["Search", "Suggestion"]
