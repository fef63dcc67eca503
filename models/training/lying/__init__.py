"""People who lie: a set of our own, and how often a network finds them."""
