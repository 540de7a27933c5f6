"""Texts: sentences and documents."""
