"""The generator network: a Qwen3 transformer that fills in all hand tokens in one masked pass.

The sequence is: text, object cloud, trajectory, initial hand pose, then one position per chunk
of the motion that holds either its latent (while training) or the mask token (C4). The latent
that comes out at such a position is compared with the codes of the frozen codebook.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import Qwen3Config, Qwen3Model

from unihm.generator.config import GeneratorConfig
from unihm.generator.inputs import FRAME_FEATURES


class GeneratorModel(nn.Module):
    """Equation 9 up to the codes.

    Args:
        config: sizes.
        codebook: (R, K, d) of the tokenizer; kept frozen.
        carry: of the tokenizer's quantiser: how much of a latent the next code adds to.
        chunk: frames per token.
        text_width: features per text token.
        hands: names, for the optional hand token.
        backbone: a pretrained Qwen3; None makes a fresh one of the configured sizes.
    """

    codebook: Tensor
    latent_mean: Tensor
    latent_scale: Tensor

    def __init__(
        self,
        config: GeneratorConfig,
        codebook: Tensor,
        carry: float,
        chunk: int,
        text_width: int,
        hands: tuple[str, ...],
        backbone: Qwen3Model | None = None,
    ) -> None:
        super().__init__()
        self.config, self.chunk, self.hands = config, chunk, hands
        self.backbone = backbone or Qwen3Model(small_backbone(config))
        width = self.backbone.config.hidden_size
        latent = codebook.shape[-1]
        codebook = codebook.detach().clone()
        self.register_buffer("codebook", codebook, persistent=False)
        # The network speaks of latents in units of their spread: of the first level's codes, or
        # of what these add up to where they say changes (an autoregressive process).
        spread = codebook[0].std() / (1.0 - min(carry, 0.999) ** 2) ** 0.5
        self.register_buffer("latent_mean", codebook[0].mean(dim=0), persistent=False)
        self.register_buffer("latent_scale", spread, persistent=False)
        self.text = nn.Linear(text_width, width)
        self.cloud = PointNet(width, config.cloud_tokens)
        self.trajectory = nn.Sequential(  # C3
            nn.Linear(chunk * FRAME_FEATURES, config.trajectory_hidden),
            nn.GELU(),
            nn.Linear(config.trajectory_hidden, width),
            nn.GELU(),
        )
        self.pose = nn.Sequential(nn.LayerNorm(latent), nn.Linear(latent, width))
        self.latent = nn.Linear(latent, width)
        self.mask = nn.Parameter(0.02 * torch.randn(width))
        self.place = nn.Parameter(0.02 * torch.randn(config.max_chunks, width))
        if config.hand_token:
            self.hand = nn.Embedding(len(hands), width)
        self.head = nn.Linear(width, latent)
        # How sure the codes of each level can be; the cross-entropy moves it from
        # their mean square.
        self.log_temperature = nn.Parameter(torch.log((codebook**2).sum(-1).mean(-1)))

    def forward(
        self,
        text: Tensor,
        text_mask: Tensor,
        cloud: Tensor,
        trajectory: Tensor,
        chunk_mask: Tensor,
        initial: Tensor,
        hand: int,
        known: Tensor | None = None,
        known_mask: Tensor | None = None,
    ) -> Tensor:
        """Latents of all chunks.

        Args:
            text: (B, S, W) features of the instruction's tokens.
            text_mask: (B, S) bool, False where padded.
            cloud: (B, N, 6) points (metres) and normals in the object frame.
            trajectory: (B, L, chunk * 14) see ``inputs.trajectory_features``.
            chunk_mask: (B, L) bool, False where padded.
            initial: (B, d) the hand's pose now, encoded by its own encoder.
            hand: index in ``hands``; it matters only with ``config.hand_token``.
            known: (B, L, d) true latents, for the masked curriculum.
            known_mask: (B, L) bool, True where the true latent is shown.

        Returns:
            z_hat (B, L, d).
        """
        batch, chunks = chunk_mask.shape
        place = self.place[:chunks]
        slots = self.mask.expand(batch, chunks, -1)  # (B, L, width)
        if known is not None and known_mask is not None:
            slots = torch.where(known_mask[..., None], self.latent(self.whiten(known)), slots)
        initial_token = self.pose(self.whiten(initial))[:, None]
        if self.config.hand_token:
            initial_token = initial_token + self.hand.weight[hand]
        prefix = [
            self.text(text),  # (B, S, width)
            self.cloud(cloud),  # (B, C, width)
            self.trajectory(trajectory) + place,  # (B, L, width)
            initial_token,  # (B, 1, width)
        ]
        tokens = torch.cat([*prefix, slots + place], dim=1)
        always = text_mask.new_ones(batch, self.config.cloud_tokens)
        mask = torch.cat([text_mask, always, chunk_mask, always[:, :1], chunk_mask], dim=1)
        hidden = self.backbone(
            inputs_embeds=tokens,
            attention_mask=self._attention(mask),
            position_ids=(mask.cumsum(dim=1) - 1).clamp(min=0),  # padding takes no place
            use_cache=False,
        ).last_hidden_state
        return self.latent_mean + self.latent_scale * self.head(hidden[:, -chunks:])

    def whiten(self, z: Tensor) -> Tensor:
        """Latents (..., d) in the network's units."""
        return (z - self.latent_mean) / self.latent_scale

    def _attention(self, mask: Tensor) -> Tensor:
        """(B, S) bool padding mask to what Qwen3 takes: (B, 1, S, S) bool unless causal."""
        if self.config.causal:
            return mask.long()
        length = mask.shape[1]
        return mask[:, None, None, :].expand(-1, 1, length, -1)

    def code_loss(self, z: Tensor, codes: Tensor) -> Tensor:
        """Cross-entropy per level (R,) with logits -|z - e_k|^2 / tau and true codes before.

        Args:
            z: (N, d) predicted latents.
            codes: (N, R) true codes.
        """
        losses, residual = [], z
        for level, codes_of_level in enumerate(self.codebook):
            logits = -square_distance(residual, codes_of_level)
            logits = logits * torch.exp(-self.log_temperature[level])
            losses.append(F.cross_entropy(logits, codes[:, level]))
            residual = residual - codes_of_level[codes[:, level]]
        return torch.stack(losses)


class PointNet(nn.Module):
    """Shared MLP per point, maximum over the points, several feature vectors (C2)."""

    def __init__(self, width: int, tokens: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.per_point = nn.Sequential(
            nn.Linear(6, 64), nn.GELU(), nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 256)
        )
        self.head = nn.Sequential(
            nn.LayerNorm(256), nn.Linear(256, 256), nn.GELU(), nn.Linear(256, tokens * width)
        )

    def forward(self, cloud: Tensor) -> Tensor:
        """(B, N, 6) to (B, tokens, width)."""
        points = torch.cat([cloud[..., :3] / 0.1, cloud[..., 3:]], dim=-1)
        feature = self.per_point(points).amax(dim=1)  # (B, 256)
        return self.head(feature).reshape(len(cloud), self.tokens, -1)


def small_backbone(config: GeneratorConfig) -> Qwen3Config:
    """A Qwen3 of the configured sizes; its own vocabulary is not used, so it is one token."""
    return Qwen3Config(
        vocab_size=1,
        hidden_size=config.hidden,
        intermediate_size=config.intermediate,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.kv_heads,
        head_dim=config.hidden // config.heads,
        max_position_embeddings=256,
        initializer_range=0.5 / config.hidden**0.5,
    )


def square_distance(vectors: Tensor, codes: Tensor) -> Tensor:
    """(..., d), (K, d) to (..., K)."""
    cross = vectors @ codes.T
    return (vectors**2).sum(-1, keepdim=True) - 2.0 * cross + (codes**2).sum(-1)
