"""Dataspeed DBW2: the drive-by-wire of the Ford E-Transit (platform FORD_V3)."""
