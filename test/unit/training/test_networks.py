import pytest

torch = pytest.importorskip("torch")

from sim2real_ad.observation.adapter import ImageSpec  # noqa: E402
from sim2real_ad.observation.spec import BevSpec, ObservationSpec  # noqa: E402
from sim2real_ad.policy.corridor import CorridorSpec  # noqa: E402
from sim2real_ad.training.adapter_network import AdapterNetwork, Familiarity, Levelling, levelled  # noqa: E402
from sim2real_ad.training.networks import StudentNetwork  # noqa: E402

pytestmark = pytest.mark.torch


def test_an_untrained_levelling_trusts_the_calibration():
    grid = torch.rand(2, 3, 5, 4, 2) * 2.0 - 1.0
    torch.testing.assert_close(levelled(grid, Levelling(8, 6, 10)(torch.rand(2, 8, 6, 10))), grid)


def test_levelling_shifts_and_turns_every_plane_of_a_grid():
    grid = torch.rand(1, 2, 5, 4, 2) * 2.0 - 1.0
    moved = levelled(grid, torch.tensor([[0.1, -0.2, 0.3]])) - grid
    torch.testing.assert_close(moved[..., 0], torch.full((1, 2, 5, 4), 0.1))
    torch.testing.assert_close(moved[..., 1], -0.2 + 0.3 * grid[..., 0])


def test_levelling_moves_no_farther_than_its_reach():
    levelling = Levelling(8, 6, 10, reach=0.1)
    torch.nn.init.constant_(levelling.estimate[-1].bias, 100.0)
    torch.testing.assert_close(levelling(torch.rand(2, 8, 6, 10)), torch.full((2, 3), 0.1))


def test_the_stronger_of_two_doubts_counts_and_one_at_its_limit_scores_a_half():
    familiarity = Familiarity(64, 4, 4)
    familiarity.limits.copy_(torch.tensor([1.0, -2.0]))
    doubts = torch.tensor([[1.0, -9.0], [-9.0, -2.0], [-9.0, 3.0], [-9.0, -9.0]])
    torch.testing.assert_close(familiarity.score(doubts)[:2], torch.tensor([0.5, 0.5]))
    assert familiarity.score(doubts)[2] > 0.99
    assert familiarity.score(doubts)[3] < 0.01


def test_the_adapter_follows_the_grid_it_is_given():
    torch.manual_seed(0)
    spec = BevSpec(x_max=16.0, y_min=-8.0, y_max=8.0, resolution=1.0)
    network, picture = AdapterNetwork(spec, ImageSpec(width=160, height=96)).eval(), torch.rand(1, 3, 96, 160)
    grid, seen = torch.rand(1, 2, 16, 16, 2) * 2.0 - 1.0, torch.ones(1, 1, 16, 16)
    nowhere = torch.full_like(grid, -3.0)
    with torch.no_grad():
        logits = network(picture, grid, seen).logits
        ground_elsewhere = network(picture, torch.stack((grid[:, 0].flip(2), grid[:, 1]), 1), seen).logits
        above_elsewhere = network(picture, torch.stack((grid[:, 0], grid[:, 1].flip(2)), 1), seen).logits
        unseen = network(picture, nowhere, seen).logits
        unseen_of_another = network(torch.rand(1, 3, 96, 160), nowhere, seen).logits
    assert logits.shape == (1, 6, 16, 16)
    assert not torch.allclose(logits, ground_elsewhere)
    assert not torch.allclose(logits, above_elsewhere)
    torch.testing.assert_close(unseen, unseen_of_another)


def test_the_student_sees_what_stands_in_its_lane_and_acts_within_bounds():
    torch.manual_seed(0)
    spec, corridor = ObservationSpec(), CorridorSpec()
    network = StudentNetwork(corridor, spec).eval()
    empty = torch.zeros(1, corridor.channels(spec), *corridor.size, dtype=torch.uint8)
    ahead = empty.clone()
    ahead[:, 3, 20:28, 14:18] = 255
    features = torch.randn(1, corridor.features(spec)) * 50.0
    with torch.no_grad():
        actions = torch.cat([network(view, features) for view in (empty, ahead)])
        in_lane = network.ruler(torch.zeros(1, corridor.channels(spec), corridor.size[0]))
    assert actions.abs().max() <= 1.0
    assert in_lane.shape == (1, 96)
    assert network.lane == slice(13, 19), "1.5 m to either side at half a metre a cell"
