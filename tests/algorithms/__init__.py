"""The rulebook against the frameworks."""
