"""The rulebook: schedules, update rules and losses as pure functions that import no framework."""
