"""Sentences whose words have a tag each."""
