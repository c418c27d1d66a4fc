"""The shared codebook: nearest codes, gradients of equation 5, refresh of cold codes."""

import numpy as np
import pytest
import torch
from scipy.cluster.vq import kmeans2
from torch.nn import functional as F
from unihm.tokenizer.quantizer import ResidualQuantizer, kmeans, nearest, perplexity


@pytest.fixture
def quantizer() -> ResidualQuantizer:
    torch.manual_seed(0)
    return ResidualQuantizer(levels=3, size=16, latent=4)


def test_code_is_the_nearest_by_brute_force(quantizer):
    z = torch.randn(50, 4)
    expected = torch.cdist(z, quantizer.codebook[0]).argmin(-1)
    assert torch.equal(quantizer.encode(z)[:, 0], expected)


def test_every_level_brings_the_sum_nearer_on_average(quantizer):
    with torch.no_grad():  # finer codes on the later levels, as a training leaves them
        quantizer.codebook[1] *= 0.3
        quantizer.codebook[2] *= 0.1
    z = torch.randn(500, 4)
    codes = quantizer.encode(z)
    errors = [F.mse_loss(quantizer.decode(codes[:, :r]), z).item() for r in (1, 2, 3)]
    assert errors[0] > errors[1] > errors[2]


def test_decode_inverts_encode_on_the_codes(quantizer):
    codes = torch.arange(16)[:, None]
    z = quantizer.decode(codes)
    assert torch.equal(quantizer.encode(z)[:, :1], codes)


def test_gradients_have_the_signs_of_equation_5():
    quantizer = ResidualQuantizer(levels=1, size=1, latent=1)
    with torch.no_grad():
        quantizer.codebook.fill_(1.0)
    z = torch.tensor([[3.0]], requires_grad=True)
    beta = 0.25
    z_q, _, loss = quantizer(z, beta, 1)
    loss.backward()
    # L = |sg(z) - e|^2 + beta |z - sg(e)|^2 : the code moves to z with weight 1, z to it with beta
    assert quantizer.codebook.grad.item() == pytest.approx(2.0 * (1.0 - 3.0))
    assert z.grad.item() == pytest.approx(beta * 2.0 * (3.0 - 1.0))
    assert loss.item() == pytest.approx(4.0 + beta * 4.0)
    assert z_q.item() == pytest.approx(1.0)


def test_decoder_gradient_passes_straight_through(quantizer):
    z = torch.randn(5, 4, requires_grad=True)
    z_q, _, _ = quantizer(z, 0.25, 3)
    (z_q * torch.arange(4.0)).sum().backward()
    assert torch.allclose(z.grad, torch.arange(4.0).expand(5, 4))


def test_refresh_replaces_the_cold_codes_and_only_those(quantizer):
    z = 5.0 + torch.randn(400, 4)
    counts = torch.zeros(3, 16, dtype=torch.int64)
    counts[0, :10] = 7  # warm
    before = quantizer.codebook.detach().clone()
    replaced = quantizer.refresh(z, counts, threshold=1)
    after = quantizer.codebook.detach()
    assert replaced == 6 + 16 + 16
    assert torch.equal(after[0, :10], before[0, :10])
    assert not torch.isclose(after[0, 10:], before[0, 10:]).any()
    # the new codes lie where the encoder's outputs are
    assert (after[0, 10:] - 5.0).abs().max() < 4.0


def test_refresh_with_fewer_points_than_cold_codes_keeps_the_rest(quantizer):
    before = quantizer.codebook.detach().clone()
    counts = torch.zeros(3, 16, dtype=torch.int64)
    assert quantizer.refresh(torch.randn(5, 4), counts, threshold=1) == 15
    assert torch.equal(quantizer.codebook[0, 5:], before[0, 5:])


def test_kmeans_finds_separate_clusters():
    torch.manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    points = (centres[:, None] + 0.1 * torch.randn(3, 100, 2)).reshape(-1, 2)
    worst = [
        (centres - found[nearest(centres, found)]).norm(dim=-1).max().item()
        for found in (kmeans(points, 6) for _ in range(3))
    ]
    assert min(worst) < 0.2


def test_kmeans_is_that_of_scipy():
    torch.manual_seed(0)
    points = torch.randn(300, 4)
    start = torch.cat([points[:20], torch.full((1, 4), 99.0)])  # the last is nobody's nearest
    found = kmeans(points, 21, 5, start)
    with pytest.warns(UserWarning, match="empty"):
        wanted, _ = kmeans2(points.numpy(), start.numpy(), 5, minit="matrix")
    assert found.numpy() == pytest.approx(wanted, abs=1e-6)


def steps(count: int = 60) -> torch.Tensor:
    """Latents (count, 4) that go from one place to another and stay there."""
    start, end = torch.randn(2, 4)
    share = torch.linspace(0.0, 2.0, count).clamp(max=1.0)[:, None]
    return start + share * (end - start)


def carrying(carry: float = 0.9) -> ResidualQuantizer:
    torch.manual_seed(0)
    quantizer = ResidualQuantizer(levels=3, size=256, latent=4, carry=carry)
    quantizer.requires_grad_(False)
    quantizer.fill(torch.stack([steps() for _ in range(40)]))
    return quantizer


def test_what_a_carried_code_leaves_over_comes_to_the_next_frame():
    plain, carried = carrying(0.0), carrying(0.9)
    for levels in (1, 3):
        errors = []
        for quantizer in (plain, carried):
            torch.manual_seed(1)
            unseen = torch.stack([steps() for _ in range(20)])
            told = quantizer.decode(quantizer.encode(unseen, levels))
            errors.append((told - unseen)[:, -10:].norm(dim=-1).mean().item())
        assert errors[1] < 0.5 * errors[0]


def test_carried_codes_add_to_the_frame_before():
    quantizer = carrying(0.5)
    codes = torch.tensor([[3, 1], [7, 2], [5, 0]])
    vectors = quantizer.codebook[0][codes[:, 0]] + quantizer.codebook[1][codes[:, 1]]
    first = vectors[0]
    second = 0.5 * first + vectors[1]
    torch.testing.assert_close(
        quantizer.decode(codes), torch.stack([first, second, 0.5 * second + vectors[2]])
    )


def test_many_motions_and_one_get_the_same_carried_codes():
    quantizer = carrying()
    motions = torch.stack([steps() for _ in range(3)])
    together = quantizer.encode(motions)
    for motion, codes in zip(motions, together):
        assert torch.equal(quantizer.encode(motion), codes)


def test_carried_codes_are_the_nearest_or_nearly_so():
    torch.manual_seed(0)
    quantizer = ResidualQuantizer(levels=2, size=2048, latent=8, carry=0.9).requires_grad_(False)
    z = torch.randn(4, 20, 8)
    codes = quantizer.encode(z)
    left = z - quantizer.expected(quantizer.decode(codes))
    chosen = (left - quantizer.codebook[0][codes[..., 0]]).norm(dim=-1)
    best = (left - quantizer.codebook[0][nearest(left, quantizer.codebook[0])]).norm(dim=-1)
    assert (chosen >= best - 1e-5).all()
    assert ((chosen - best) < 1e-5).float().mean() > 0.8
    assert (chosen / best).mean() < 1.03


def test_few_codes_are_all_compared():
    quantizer = carrying(0.5)
    quantizer.codebook.data = quantizer.codebook[:, :64].clone()
    z = steps()
    left = z - quantizer.expected(quantizer.decode(quantizer.encode(z)))
    expected = nearest(left, quantizer.codebook[0])
    assert torch.equal(quantizer.encode(z)[:, 0], expected)


def test_carried_codes_follow_a_codebook_that_changes():
    quantizer = carrying(0.5)
    z = steps()
    before = quantizer.decode(quantizer.encode(z))
    quantizer.codebook.mul_(-1.0)
    after = quantizer.decode(quantizer.encode(z))
    assert (after - z).norm() < 3.0 * (before - z).norm()


def test_training_sees_what_carried_codes_say():
    quantizer = carrying().requires_grad_(True)
    z = torch.stack([steps(), steps()]).requires_grad_(True)
    z_q, codes, loss = quantizer(z, 0.25, 2)
    assert torch.equal(codes, quantizer.encode(z.detach(), 2))
    torch.testing.assert_close(z_q, quantizer.decode(codes))
    loss.backward()
    told = quantizer.decode(codes).detach()
    left = z.detach() - quantizer.expected(told)
    left = left - quantizer.codebook[0][codes[..., 0]].detach()
    left = left - quantizer.codebook[1][codes[..., 1]].detach()
    torch.testing.assert_close(left, z.detach() - told, atol=1e-5, rtol=0)
    # what the last level leaves over pulls the encoder by beta and the code by one
    assert z.grad is not None
    assert quantizer.codebook.grad is not None
    assert z.grad.norm() > 0
    assert quantizer.codebook.grad[1].norm() > 0


def test_usage_and_perplexity(quantizer):
    codes = torch.tensor([[0, 1, 2], [0, 3, 2]])
    counts = quantizer.usage(codes)
    assert counts.sum(-1).tolist() == [2, 2, 2]
    assert counts[0, 0] == 2
    assert counts[1, 1] == counts[1, 3] == 1
    np.testing.assert_allclose(perplexity(counts).numpy(), [1.0, 2.0, 1.0], rtol=1e-5)


def test_identity_follows_every_bit(quantizer):
    before = quantizer.identity
    assert before == quantizer.identity
    with torch.no_grad():
        quantizer.codebook[2, 3, 1] += 1e-6
    assert quantizer.identity != before
