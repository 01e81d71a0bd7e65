"""What each engine costs beside the framework's own loop. One command each, from the root: see `cost.py`."""
