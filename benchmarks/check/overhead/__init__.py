"""How much longer a program takes under watch: `python -m benchmarks.check.overhead.measure`."""
