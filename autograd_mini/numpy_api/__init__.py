"""NumPy on nodes: what is differentiable, constant or refused, and no detaching by accident."""
