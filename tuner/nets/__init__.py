"""Networks: cells, stacks, initializers, regularizers, poolings."""
