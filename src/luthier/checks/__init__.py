"""What can be wrong with a training program: one file a check, named by its code."""
