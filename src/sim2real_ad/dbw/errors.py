"""What can be wrong with a drive-by-wire before it runs, or with what it is asked to send."""

from sim2real_ad.errors import Sim2RealError


class DbwError(Sim2RealError):
    """A bus is not there, a DBC is wrong, or a value cannot be sent. Names message, signal, value and limit."""
