"""The teacher's logits and hidden states, kept on disk so that it runs over the same sentences only once.

Memory-mapped arrays in a folder named by the hash of teacher, sentences (so data and tokenizer) and precision: logits
of shape (N, C), or (T, C) from a model that answers for each token, and states of shape (T, D) in float16, where T
counts the tokens of all sentences together.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from contract.digest import sha256_of_value
from contract.disk import preallocate
from contract.progress import bar, note
from contract.tokens import Tokens
from distill.model.capture import capturing
from distill.model.predict import batches_by_length, tensors
from distill.training.precision import bf16_choice

LOGITS = "logits"
# Shape and type of the array with a given name.
Layout = Callable[[str], tuple[tuple[int, ...], Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class TeacherCache:
    """The cache of one teacher over some sentences.

    Attributes:
        folder: folder of the arrays.
        model: loads the teacher; called only if an array is missing.
        tokens: N sentences, tokenised for the teacher.
        bf16: compute in bfloat16.
        of_tokens: logits are per token, shape (T, C), instead of per sentence.
    """

    folder: Path
    model: Callable[[], PreTrainedModel]
    tokens: Tokens
    bf16: bool
    of_tokens: bool = False

    def read(self, names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Return arrays by name; the teacher runs once for all that are missing.

        Args:
            names: `logits`, or states as `Captured.states` names them.
        """
        paths = {name: self.folder / f"{name}.npy" for name in names}
        missing = {name: path for name, path in paths.items() if self._read(name, path) is None}
        if missing:
            self._run(missing)
        arrays = {name: self._read(name, path) for name, path in paths.items()}
        return {name: array for name, array in arrays.items() if array is not None}

    def _read(self, name: str, path: Path) -> NDArray[Any] | None:
        """Return an array, or None if it is missing, truncated, or of other sentences."""
        if not path.is_file():
            return None
        try:
            array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:
            note(f"{path}: cannot be read ({error}), computed again")
            return None
        rows = self._logit_rows if name == LOGITS else len(self.tokens.ids_T)
        return array if array.ndim == 2 and len(array) == rows else None

    @property
    def _logit_rows(self) -> int:
        return len(self.tokens.ids_T) if self.of_tokens else len(self.tokens)

    def _run(self, paths: Mapping[str, Path]) -> None:
        model = self.model().eval()
        states = [name for name in paths if name != LOGITS]
        with (
            bar("The teacher's answers on training data", len(self.tokens)) as advance,
            _written_whole(paths, self._layout(model)) as arrays,
            torch.inference_mode(),
            torch.autocast(model.device.type, torch.bfloat16, enabled=self.bf16),
            capturing(model, states) as captured,
        ):
            for rows in batches_by_length(self.tokens):
                batch = self.tokens.batch(rows)
                outputs = model(**{name: value.to(model.device) for name, value in tensors(batch).items()})
                token_rows, is_token_BL = self.tokens.positions(rows), batch.attention_mask_BL.astype(bool)
                for name in states:
                    arrays[name][token_rows] = captured.states[name].half().cpu().numpy()[is_token_BL]
                if LOGITS in arrays:
                    logits = outputs.logits.float().cpu().numpy()
                    if self.of_tokens:
                        arrays[LOGITS][token_rows] = logits[is_token_BL]
                    else:
                        arrays[LOGITS][rows] = logits
                advance(len(rows))

    def _layout(self, model: PreTrainedModel) -> Layout:
        logits = ((self._logit_rows, int(model.config.num_labels or 0)), np.float32)
        state = ((len(self.tokens.ids_T), int(model.config.hidden_size)), np.float16)
        return lambda name: logits if name == LOGITS else state


def teacher_cache(
    out: Path,
    teacher_identity: str,
    model: Callable[[], PreTrainedModel],
    tokens: Tokens,
    *,
    of_tokens: bool = False,
) -> TeacherCache:
    """Return the cache of a teacher over some sentences, in the folder of the run.

    Args:
        out: folder of the run.
        teacher_identity: hash of the teacher, its tokenizer included.
        model: loads the teacher.
        tokens: sentences, tokenised for the teacher.
        of_tokens: the teacher answers for each token.
    """
    bf16, _ = bf16_choice()
    folder = cache_folder(out, teacher_identity, tokens, bf16=bf16)
    return TeacherCache(folder=folder, model=model, tokens=tokens, bf16=bf16, of_tokens=of_tokens)


def cache_folder(out: Path, teacher_identity: str, tokens: Tokens, *, bf16: bool) -> Path:
    """Return the folder of a teacher's cache over some sentences.

    Args:
        out: folder of the run.
        teacher_identity: hash of the teacher, its tokenizer included.
        tokens: sentences, tokenised for the teacher.
        bf16: whether it is computed in bfloat16.
    """
    key = sha256_of_value({"teacher": teacher_identity, "tokens": tokens.key(), "bf16": bf16})
    return out / "cache" / key[:16]


@contextmanager
def _written_whole(paths: Mapping[str, Path], layout: Layout) -> Iterator[dict[str, NDArray[Any]]]:
    """Open arrays to fill; their files get their final names only if the block succeeds."""
    with ExitStack() as undo:
        arrays, partials = {}, {}
        for name, path in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            partials[name] = path.with_suffix(".partial")
            undo.callback(partials[name].unlink, missing_ok=True)
            shape, dtype = layout(name)
            arrays[name] = np.lib.format.open_memmap(partials[name], mode="w+", dtype=dtype, shape=shape)
            preallocate(partials[name])
        yield dict(arrays)
        for name, path in paths.items():
            arrays[name].flush()
            partials[name].replace(path)
