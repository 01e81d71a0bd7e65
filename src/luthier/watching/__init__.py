"""What a check sees of a running program: hooks of each framework fill a trace of plain facts."""
