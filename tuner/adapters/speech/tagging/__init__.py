"""Recordings with a class for every stretch of time: voice activity, keywords, events."""
