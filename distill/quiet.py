"""Keep libraries from printing what no user of this tool can act on; errors still come through."""

import logging
import os

from contract.verbosity import is_verbose

CHATTY_LOGGERS = ("torchao", "torch.utils._pytree", "accelerate", "datasets")


def quiet() -> None:
    """Silence progress bars, notices and deprecation notes of the training libraries; call it before importing them.

    Nothing is silenced if the user asked for them (`tinybert --verbose`).
    """
    if is_verbose():
        return
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    for name in CHATTY_LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
