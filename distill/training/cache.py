"""What the teacher answered and showed, kept on disk so that it runs over the same sentences once.

Memory-mapped arrays in a folder named by the hash of teacher, sentences (so data and tokenizer) and precision: logits
of shape (N, C), or (T, C) of a model that answers for each token, and states of shape (T, D) in float16, where T counts
the tokens of all sentences together.
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

LOGITS = "logits"
# Shape and type of the array of a name.
Layout = Callable[[str], tuple[tuple[int, ...], Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class TeacherCache:
    """The cache of one teacher over some sentences.

    Attributes:
        folder: where its arrays lie.
        model: gives the teacher; called only when something is missing.
        tokens: N sentences, as the teacher's tokenizer has them.
        bf16: compute in bfloat16.
        of_tokens: there are logits for each token, shape (T, C), and not for each sentence.
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
        found = {name: self._read(name, path) for name, path in paths.items()}
        return {name: array for name, array in found.items() if array is not None}

    def _read(self, name: str, path: Path) -> NDArray[Any] | None:
        """Return an array that is whole; nothing where it is missing, cut, or not of these sentences."""
        if not path.is_file():
            return None
        try:
            array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:
            note(f"{path}: cannot be read ({error}), made again")
            return None
        rows = self._logits if name == LOGITS else len(self.tokens.ids_T)
        return array if array.ndim == 2 and len(array) == rows else None

    @property
    def _logits(self) -> int:
        """How many rows of logits there are."""
        return len(self.tokens.ids_T) if self.of_tokens else len(self.tokens)

    def _run(self, paths: Mapping[str, Path]) -> None:
        model = self.model().eval()
        states = [name for name in paths if name != LOGITS]
        with (
            bar("The teacher's answers on training data", len(self.tokens)) as advance,
            _whole(paths, self._layout(model)) as arrays,
            torch.inference_mode(),
            torch.autocast(model.device.type, torch.bfloat16, enabled=self.bf16),
            capturing(model, states) as captured,
        ):
            for rows in batches_by_length(self.tokens):
                batch = self.tokens.batch(rows)
                logits = model(**{name: value.to(model.device) for name, value in tensors(batch).items()}).logits
                places, is_token_BL = self.tokens.places(rows), batch.attention_mask_BL.astype(bool)
                for name in states:
                    arrays[name][places] = captured.states[name].half().cpu().numpy()[is_token_BL]
                if LOGITS in arrays:
                    found = logits.float().cpu().numpy()
                    arrays[LOGITS][places if self.of_tokens else rows] = found[is_token_BL] if self.of_tokens else found
                advance(len(rows))

    def _layout(self, model: PreTrainedModel) -> Layout:
        logits = ((self._logits, int(model.config.num_labels or 0)), np.float32)
        state = ((len(self.tokens.ids_T), int(model.config.hidden_size)), np.float16)
        return lambda name: logits if name == LOGITS else state


def cache_folder(out: Path, teacher_identity: str, tokens: Tokens, *, bf16: bool) -> Path:
    """Return where a teacher's cache over some sentences lies.

    Args:
        out: the folder of the run.
        teacher_identity: hash of the teacher, its tokenizer included.
        tokens: the sentences.
        bf16: whether it is computed in bfloat16.
    """
    key = sha256_of_value({"teacher": teacher_identity, "tokens": tokens.key(), "bf16": bf16})
    return out / "cache" / key[:16]


@contextmanager
def _whole(paths: Mapping[str, Path], layout: Layout) -> Iterator[dict[str, NDArray[Any]]]:
    """Give arrays to fill; their files take the final names when the block ends well."""
    with ExitStack() as undo:
        arrays, halves = {}, {}
        for name, path in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            halves[name] = path.with_suffix(".partial")
            undo.callback(halves[name].unlink, missing_ok=True)
            shape, dtype = layout(name)
            arrays[name] = np.lib.format.open_memmap(halves[name], mode="w+", dtype=dtype, shape=shape)
            preallocate(halves[name])
        yield dict(arrays)
        for name, path in paths.items():
            arrays[name].flush()
            halves[name].replace(path)
