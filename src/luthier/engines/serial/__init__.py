"""What the engines of pure functions share: a program that trains one slot, asked once for each slot."""
