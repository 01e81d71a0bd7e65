"""For all tests: none depends on the clock, so a generated case has no deadline."""

from hypothesis import settings

settings.register_profile("no clock", deadline=None)
settings.load_profile("no clock")
