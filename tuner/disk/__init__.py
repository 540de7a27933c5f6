"""The truth on disk: a study's folder, its event files, its lock and its versions; how files are opened and written."""
