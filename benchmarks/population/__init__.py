"""Many trials in one program: what it gives. One command each, from the root: `python -m benchmarks.population.X`."""
