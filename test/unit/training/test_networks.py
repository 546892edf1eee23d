import pytest

torch = pytest.importorskip("torch")

from sim2real_ad.observation.adapter import ImageSpec  # noqa: E402
from sim2real_ad.observation.spec import BevSpec, ObservationSpec  # noqa: E402
from sim2real_ad.policy.corridor import CorridorSpec  # noqa: E402
from sim2real_ad.training.adapter_network import AdapterNetwork, Familiarity, Levelling, levelled  # noqa: E402
from sim2real_ad.training.networks import Joined, Separable, StudentNetwork  # noqa: E402

pytestmark = pytest.mark.torch


def test_an_untrained_levelling_trusts_the_calibration():
    grid = torch.rand(2, 5, 4, 2) * 2.0 - 1.0
    torch.testing.assert_close(levelled(grid, Levelling(8)(torch.rand(2, 8, 6, 16))), grid)


def test_levelling_shifts_and_turns_a_grid():
    grid = torch.rand(1, 5, 4, 2) * 2.0 - 1.0
    moved = levelled(grid, torch.tensor([[0.1, -0.2, 0.3]])) - grid
    torch.testing.assert_close(moved[..., 0], torch.full((1, 5, 4), 0.1))
    torch.testing.assert_close(moved[..., 1], -0.2 + 0.3 * grid[..., 0])


def test_levelling_moves_no_farther_than_its_reach():
    levelling = Levelling(8, reach=0.1)
    torch.nn.init.constant_(levelling.estimate[-1].bias, 100.0)
    torch.testing.assert_close(levelling(torch.rand(2, 8, 6, 16)), torch.full((2, 3), 0.1))


def test_levelling_finds_a_mark_s_row_in_every_strip_whatever_the_picture_s_size():
    levelling = Levelling(1, marks=1)
    torch.nn.init.constant_(levelling.marks.weight, 50.0)
    found = []
    levelling.estimate.register_forward_pre_hook(lambda _, inputs: found.append(inputs[0]))
    for rows, columns in ((7, 16), (13, 32)):
        fine = torch.zeros(1, 1, rows, columns)
        fine[:, :, rows // 2, : columns // 2] = 1.0
        fine[:, :, rows - 1, columns // 2 :] = 1.0
        levelling(fine)
    for places in found:
        torch.testing.assert_close(places[0, :8], torch.tensor([0.0] * 4 + [1.0] * 4), atol=1e-3, rtol=0.0)


def test_mixing_before_enlarging_is_the_same_as_after():
    torch.manual_seed(0)
    joined = Joined(3, 2, 4).eval()
    coarse, fine = torch.rand(1, 3, 5, 4), torch.rand(1, 2, 10, 8)
    weights = torch.cat((joined.coarse[0].weight, joined.fine[0].weight), 1)
    whole = torch.nn.functional.conv2d(
        torch.cat((coarse.repeat_interleave(2, 2).repeat_interleave(2, 3), fine), 1), weights
    )
    torch.testing.assert_close(joined(coarse, fine), torch.relu(whole / (1.0 + 1e-5) ** 0.5))


@pytest.mark.parametrize(("inputs", "outputs", "stride", "adds"), [(4, 4, 1, True), (4, 6, 1, False), (4, 4, 2, False)])
def test_a_separable_convolution_adds_its_input_where_the_shapes_agree(inputs, outputs, stride, adds):
    block = Separable(inputs, outputs, stride).eval()
    torch.nn.init.zeros_(block.across.weight)
    features = torch.rand(1, inputs, 6, 8)
    given = block(features)
    assert given.shape == (1, outputs, 6 // stride, 8 // stride)
    assert torch.equal(given, features) if adds else not given.any()


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
    ground, above = torch.rand(1, 16, 16, 2) * 2.0 - 1.0, torch.rand(1, 8, 8, 2) * 2.0 - 1.0
    seen, nowhere = torch.ones(1, 1, 16, 16), (torch.full_like(ground, -3.0), torch.full_like(above, -3.0))
    with torch.no_grad():
        logits = network(picture, ground, above, seen).logits
        ground_elsewhere = network(picture, ground.flip(2), above, seen).logits
        above_elsewhere = network(picture, ground, above.flip(2), seen).logits
        unseen = network(picture, *nowhere, seen).logits
        unseen_of_another = network(torch.rand(1, 3, 96, 160), *nowhere, seen).logits
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
