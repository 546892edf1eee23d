"""The source of the shipped OpenDRIVE maps."""
