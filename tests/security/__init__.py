"""Nobody gets in, and no bytes break it: judges from outside, and every attack that we know of."""
