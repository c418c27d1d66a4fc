"""Episodes: one format for synthetic, DexYCB, OakInk and recorded motions."""

from unihm.learning.datasets import Episode, EpisodeDataset, load_dataset

__all__ = ["Episode", "EpisodeDataset", "load_dataset"]
