"""Probes of long memory: tasks made by seed that only a network with memory can do."""
