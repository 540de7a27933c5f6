"""The commands: a file for each, or for a family. What only one of them needs is imported when it runs."""
