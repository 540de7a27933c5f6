"""The tests. While they are imported, nearly all objects stay: the garbage collector looks rarely."""

import gc

gc.set_threshold(20_000, 20, 50)
