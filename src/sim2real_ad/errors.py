"""The errors a user can meet. Each message names the value, the limit and where the value came from."""


class Sim2RealError(Exception):
    """Base of every error that is reported to the user as one clear line and a non-zero exit."""


class ConfigError(Sim2RealError):
    """A configuration file is missing, unreadable, or holds an unknown, missing or impossible value."""


class ScenarioError(Sim2RealError):
    """A scenario cannot be loaded, or cannot be laid out on its map."""


class MapError(Sim2RealError):
    """An OpenDRIVE map is missing, unreadable, or lacks what the scenario asks of it."""


class CalibrationError(Sim2RealError):
    """A camera calibration is missing, impossible, or belongs to images of another size."""


class CheckpointError(Sim2RealError):
    """A checkpoint is missing, incomplete, corrupt, or was trained on another observation or action spec."""


class SourceError(Sim2RealError):
    """A camera, video or bag cannot be opened or read."""


class WorldError(Sim2RealError):
    """A simulated world cannot be reached, refused a request, or died."""


class TransportError(Sim2RealError):
    """The shared-memory transport profile is not in force, or the ROS installation cannot communicate."""


class GraphError(Sim2RealError):
    """A node did not come up, died, did not answer in time, or was sent what its neighbour must not send."""


class ScorerError(Sim2RealError):
    """A vision-language scorer is unknown, cannot be loaded or reached, or answered with something unusable."""


class TrainingError(Sim2RealError):
    """A training cannot start, or cannot go on: unknown algorithm or reward, or a run folder of another training."""


class DbwError(Sim2RealError):
    """A bus is not there, a DBC is wrong, or a value cannot be sent. Names message, signal, value and limit."""
