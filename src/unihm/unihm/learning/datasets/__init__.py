"""Episodes on disk, and readers of recorded data sets."""

from unihm.learning.datasets.episode import Episode, EpisodeDataset, load_dataset

__all__ = ["Episode", "EpisodeDataset", "load_dataset"]
