"""The teacher: reinforcement learning on privileged state, guided by language goals."""
