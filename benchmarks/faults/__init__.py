"""Faults injected into real sweeps, and what was lost: `python -m benchmarks.faults --help`."""
