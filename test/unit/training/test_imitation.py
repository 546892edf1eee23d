import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sim2real_ad.observation.spec import ObservationSpec  # noqa: E402
from sim2real_ad.policy.corridor import CorridorSpec  # noqa: E402
from sim2real_ad.policy.runtime import open_network  # noqa: E402
from sim2real_ad.training.config import StudentTraining  # noqa: E402
from sim2real_ad.training.export import export_student  # noqa: E402
from sim2real_ad.training.imitation import fit_student  # noqa: E402
from sim2real_ad.training.networks import StudentNetwork  # noqa: E402
from sim2real_ad.training.samples import Part, Samples  # noqa: E402
from sim2real_ad.training.seeds import EVALUATION_SEEDS, VALIDATION_SEEDS, check_training_seed  # noqa: E402

SPEC, CORRIDOR = ObservationSpec(), CorridorSpec(half_width=4.0, length=20.0)


def brake_for_things_ahead(count: int) -> Samples:
    """Samples of a simple expert: brake the harder the nearer the thing ahead; steer by the last feature."""
    random, samples = np.random.default_rng(0), Samples()
    corridors = np.zeros((count, CORRIDOR.channels(SPEC), *CORRIDOR.size), np.uint8)
    features = random.normal(0.0, 0.3, (count, CORRIDOR.features(SPEC))).astype(np.float32)
    rows = random.integers(0, 38, count)
    for corridor, row in zip(corridors, rows, strict=True):
        corridor[5, row : row + 2, 6:10] = 255
    actions = np.column_stack((np.clip(features[:, -1], -1, 1), rows / 20.0 - 1.0)).astype(np.float32)
    samples.add(Part(corridors, features, actions))
    return samples


@pytest.mark.torch
def test_the_student_learns_to_act_on_what_it_sees_and_exports_the_same(tmp_path):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network, samples = StudentNetwork(CORRIDOR, SPEC), brake_for_things_ahead(1500)
    settings = StudentTraining(batch_size=64)
    errors = fit_student(network, samples, settings, 8, np.random.default_rng(0))
    assert errors["acceleration_error"] < 0.12
    assert errors["curvature_error"] < 0.08
    export_student(network, CORRIDOR, SPEC, tmp_path / "student.onnx")
    session = open_network(tmp_path / "student.onnx")
    for n in range(5):
        part = samples.gather([n])
        inputs = {"corridor": part.corridors, "features": part.features}
        with torch.no_grad():
            expected = network(*(torch.from_numpy(value) for value in inputs.values())).numpy()
        np.testing.assert_allclose(session.run(["action"], inputs)[0], expected, atol=1e-5)


@pytest.mark.parametrize("kept", [EVALUATION_SEEDS, VALIDATION_SEEDS])
def test_seeds_kept_for_judging_are_never_trained_on(kept):
    for seed in (kept[0], kept[-1]):
        with pytest.raises(ValueError, match=str(seed)):
            check_training_seed(seed)
    assert check_training_seed(20_000) == 20_000
