"""Word lists as data files: no code decides what a word means."""
