"""Time series: labelled sequences, and series to forecast."""
