"""Whether to train in bfloat16."""

import os

import torch

from contract.errors import InputError

# 1 or 0 in the environment, so that it reaches all processes of a training; unset, the faster of the two is chosen.
BF16 = "TINYBERT_BF16"


def bf16_choice() -> tuple[bool, str]:
    """Return whether to train in bfloat16, and the reason.

    Raises:
        InputError: TINYBERT_BF16 is set to something other than 0 or 1.
    """
    setting = os.environ.get(BF16, "")
    if setting not in ("", "0", "1"):
        raise InputError(f"{BF16}={setting} is neither 0 nor 1", "set it to 0 or 1, or leave it unset")
    if setting:
        return setting == "1", f"{BF16}={setting} is set"
    if torch.cuda.is_available():
        supported = torch.cuda.is_bf16_supported()
        return supported, "the GPU supports bfloat16" if supported else "the GPU does not support bfloat16"
    # Without the instructions bfloat16 is emulated, and slower than float32.
    if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported():
        return True, "the processor multiplies bfloat16"
    return False, "the processor does not multiply bfloat16"
