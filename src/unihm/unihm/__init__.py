"""UniHM: a sentence and an RGB-D image in, a whole manipulation by a dexterous hand out.

The folder tree is the table of contents; ``docs/architecture.md`` in the repository says
how the stages fit together. Nothing outside :mod:`unihm.nodes` imports ROS.
"""

__version__ = "0.1.0"
