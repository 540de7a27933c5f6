"""Rules: from the record of a training to a finding, or to none; by what they look at. Free of torch."""
