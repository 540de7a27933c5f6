"""The commands: one file per command or family. A command imports what only it needs when it runs."""
