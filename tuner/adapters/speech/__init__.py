"""Speech: recordings and features of recordings."""
