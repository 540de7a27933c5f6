"""Recordings and what is said in them, word by word."""
