"""Active checks: a builder and its data are put to the test, on copies, before any time is spent on training.

The modules here keep the contract of `luthier.checks.spec`, but what they judge is an `Exam`: numbers that
`measuring` has taken through the engine's Population, and the rows themselves.
"""
