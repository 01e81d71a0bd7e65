"""Programs of one's own: whatever trains by itself, as a function or a command, a process of its own for each
trial."""
