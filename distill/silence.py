"""Silence output of libraries that no user of this tool can act on; errors are still shown."""

import logging
import os

from contract.options import is_verbose

VERBOSE_LOGGERS = ("torchao", "torch.utils._pytree", "accelerate", "datasets")


def silence_libraries() -> None:
    """Silence progress bars, notices and deprecation warnings of the training libraries; call before importing them.

    Nothing is silenced if the user asked for this output (`tinybert --verbose`).
    """
    if is_verbose():
        return
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    for name in VERBOSE_LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
