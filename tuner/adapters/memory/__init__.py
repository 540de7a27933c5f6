"""Probes of long memory: synthetic tasks that only a network with memory can solve."""
