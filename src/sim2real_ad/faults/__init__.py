"""What is thrown at a drive to see what the gate makes of it."""
