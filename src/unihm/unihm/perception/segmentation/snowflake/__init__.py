"""SnowflakeNet: the whole surface of an object from the part that one camera sees."""

from unihm.perception.segmentation.snowflake.completer import Completer
from unihm.perception.segmentation.snowflake.config import SnowflakeConfig
from unihm.perception.segmentation.snowflake.model import SnowflakeNet

__all__ = ["Completer", "SnowflakeConfig", "SnowflakeNet"]
