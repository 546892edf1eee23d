"""Sim2Real-AD: driving policies trained in simulation, deployed on a drive-by-wire car through one ROS 2 graph."""

__version__ = "0.1.0"
