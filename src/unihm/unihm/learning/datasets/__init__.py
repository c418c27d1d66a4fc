"""Episodes on disk, and readers of recorded data sets."""

from typing import TYPE_CHECKING

from unihm.lazy import offers

if TYPE_CHECKING:
    from unihm.learning.datasets.episode import Episode, EpisodeDataset, load_dataset

__all__ = [
    "Episode",
    "EpisodeDataset",
    "load_dataset",
]

__getattr__, __dir__ = offers(
    __name__,
    {
        "episode": ("Episode", "EpisodeDataset", "load_dataset"),
    },
)
