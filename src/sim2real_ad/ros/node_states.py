"""What a node tells its supervisor on stdout."""

UP = "s2r-node-up"
"""It exists: parameters, weights and hardware are there."""
READY = "s2r-node-ready"
"""It is connected to its neighbours."""
