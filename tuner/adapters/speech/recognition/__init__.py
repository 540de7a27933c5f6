"""Speech recognition: recordings to transcripts."""
