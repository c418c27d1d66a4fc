"""SnowflakeNet: the whole surface of an object from the part that one camera sees."""

from unihm.perception.snowflake.completer import Completer
from unihm.perception.snowflake.config import SnowflakeConfig
from unihm.perception.snowflake.model import SnowflakeNet

__all__ = ["Completer", "SnowflakeConfig", "SnowflakeNet"]
