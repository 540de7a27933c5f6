"""Cells of tables that stand for a missing value."""

WORDS = frozenset(("", "NA", "na", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "NULL", "null", "None", "?", "-"))
"""As pandas reads them, ? of the archives of UCI and UEA, and the dash of statistical offices. Only among numbers: as a
label NA may be Namibia."""
