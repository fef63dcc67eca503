"""Our networks and those of other makers through one evaluation: AP, multiplications, size, time."""
