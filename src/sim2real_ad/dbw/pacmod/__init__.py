"""PACMod3: drive-by-wire by systems that are enabled one by one and take pedals."""
