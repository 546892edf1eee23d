"""Drive-by-wire over CAN: what turns a command into frames, watches what comes back, and plays the car's modules."""
