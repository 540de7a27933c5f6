"""Kinds of data: how each is read, prepared once, batched, encoded and scored."""
