"""The Optuna study: samplers, rungs, storage. Workers never access it; the driver is its only writer.

Nothing is imported here: `tuner.study.search` imports Optuna, which takes a quarter of a second; the catalog does not.
"""
