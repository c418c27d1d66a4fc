"""Episodes: one format for synthetic, DexYCB, OakInk and recorded motions."""

from typing import TYPE_CHECKING

from unihm.lazy import offers

if TYPE_CHECKING:
    from unihm.learning.datasets import Episode, EpisodeDataset, load_dataset

__all__ = [
    "Episode",
    "EpisodeDataset",
    "load_dataset",
]

__getattr__, __dir__ = offers(
    __name__,
    {
        "datasets": ("Episode", "EpisodeDataset", "load_dataset"),
    },
)
