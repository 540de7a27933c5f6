"""Rules: each judges the record of a training and gives a finding or None; a file per subject. Free of torch."""
