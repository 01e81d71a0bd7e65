"""Development cases of `luthier check`: faulty scripts, their twins, healthy programs, and the score on them."""
