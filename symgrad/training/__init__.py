"""Training: text and arrays, batches, checkpoints and the loop around an emitted module."""

from .api import Run, train
from .arrays import Arrays
from .checkpoints import Checkpoint, load_checkpoint
from .configuration import Training
from .text import Text, python_topics

__all__ = ["Arrays", "Checkpoint", "Run", "Text", "Training", "load_checkpoint", "python_topics", "train"]
