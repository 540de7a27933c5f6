"""What several tests share. A test takes nothing from another test, only from here and from fixtures."""
