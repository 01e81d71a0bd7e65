"""luthier: makes deep-learning models better, faster and smaller, and proves every gain."""
