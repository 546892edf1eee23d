"""A teacher as it is kept and driven: a small network from the privileged state to an action, in plain numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from sim2real_ad.errors import CheckpointError
from sim2real_ad.files import write_arrays
from sim2real_ad.training.teacher.state import STATE_FINGERPRINT, STATE_SIZE
from sim2real_ad.types import FloatArray

Layer = tuple[FloatArray, FloatArray]
"""Weight (inputs, outputs) and bias (outputs,)."""


class TeacherPolicy:
    """Linear layers with ReLU between them and tanh at the end. Deterministic."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        """Take the layers, first to last. Raises ValueError where shapes do not fit STATE_SIZE in and 2 out."""
        self.layers = tuple((np.asarray(w, np.float32), np.asarray(b, np.float32)) for w, b in layers)
        width = STATE_SIZE
        for number, (weight, bias) in enumerate(self.layers):
            if weight.ndim != 2 or weight.shape[0] != width or bias.shape != weight.shape[1:]:
                raise ValueError(f"layer {number} has weight {weight.shape} and bias {bias.shape}, input is {width}")
            width = weight.shape[1]
        if width != 2:
            raise ValueError(f"the last layer must put out 2 values, got {width}")

    @property
    def hidden(self) -> tuple[int, ...]:
        """Widths of the hidden layers."""
        return tuple(bias.shape[0] for _, bias in self.layers[:-1])

    def act(self, states: FloatArray) -> FloatArray:
        """Return the actions (N, 2) in [-1, 1] for states (N, STATE_SIZE), or (2,) for one state."""
        values = np.asarray(states, np.float32)
        for weight, bias in self.layers[:-1]:
            values = np.maximum(values @ weight + bias, 0.0)
        weight, bias = self.layers[-1]
        return np.asarray(np.tanh(values @ weight + bias), np.float32)

    def save(self, path: Path) -> None:
        """Write one .npz file, at once: a reader sees the old one or the new one."""
        arrays = {f"{kind}{n}": part for n, layer in enumerate(self.layers) for kind, part in zip("wb", layer)}  # noqa: B905
        write_arrays(path, {**arrays, "fingerprint": np.array(STATE_FINGERPRINT)})

    @classmethod
    def load(cls, path: Path) -> TeacherPolicy:
        """Read one .npz file. Raises CheckpointError where it is missing, corrupt or of another state."""
        try:
            with np.load(path, allow_pickle=False) as held:
                arrays = {name: held[name] for name in held.files}
        except (OSError, ValueError, EOFError) as error:
            raise CheckpointError(f"{path} is no teacher policy: {error}") from error
        fingerprint = str(arrays.get("fingerprint", "none"))
        if fingerprint != STATE_FINGERPRINT:
            raise CheckpointError(f"{path} was trained on state {fingerprint}, this version's is {STATE_FINGERPRINT}")
        count = sum(name.startswith("w") for name in arrays)
        try:
            return cls([(arrays[f"w{n}"], arrays[f"b{n}"]) for n in range(count)])
        except (KeyError, ValueError) as error:
            raise CheckpointError(f"{path} is no teacher policy: {error}") from error


Actor = Callable[[FloatArray], FloatArray]
"""A state to an action: `TeacherPolicy.act` or an algorithm's deterministic policy."""
