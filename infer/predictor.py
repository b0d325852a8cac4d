"""A loaded model that answers texts."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from threading import Lock
from types import TracebackType
from typing import Any, Self, cast, overload

from contract.errors import WorkerError
from contract.text import printable
from infer import tasks
from infer.encoder import Encoded, Encoder
from infer.folders.model import Model
from infer.inference import Output, infer
from infer.runtimes.protocol import Session
from infer.tasks import TaskSettings
from infer.texts import Example, Text, read

# Number of batches whose texts are sorted by length together, to reduce padding.
SORTED_BATCHES = 32


class Predictor:
    """A loaded model: call it with a text, a pair of texts, or a list of either.

    Threads may share it: they tokenize at the same time and infer in turn. Use it as a context manager, or call
    `close`, to free the model early.

    Attributes:
        task: kind of task and its possible answers.
        model: the loaded model, its folder and its number of threads.
        answered: number of texts answered so far.
        cut: number of those texts that were longer than the model reads, and were cut.
    """

    def __init__(
        self,
        model: Model,
        session: Session,
        encoder: Encoder,
        task: TaskSettings,
        resources: AbstractContextManager[object] | None = None,
    ) -> None:
        self.model = model
        self.task = task
        self.answered = 0
        self.cut = 0
        self._task = tasks.get(task.kind)
        self._session: Session | None = session
        self._encoder = encoder
        self._resources = resources or nullcontext()
        self._lock = Lock()

    @overload
    def __call__(self, texts: Text) -> Any: ...

    @overload
    def __call__(self, texts: Sequence[Text], *, batch_size: int = 1) -> list[Any]: ...

    def __call__(self, texts: Text | Sequence[Text], *, batch_size: int = 1) -> Any:
        """Answer a text, or each text of a list.

        Args:
            texts: a text, a pair as `(text, second text)`, or a list of them.
            batch_size: number of texts to pad and infer together. More than one gives more texts per second, but with
                int8 activations a text's score then depends a little on the others.

        Returns:
            The task's answer, such as Label(label="positive", score=0.98), or a list of them.

        Raises:
            TypeError: a text is not a string or a pair of strings.
            InputError: a text is empty, too long, or not valid Unicode.
            RuntimeError: the predictor is closed.
        """
        if isinstance(texts, list):
            return list(self.stream(texts, batch_size=batch_size))
        return self._answers([read(cast(Text, texts))], batch_size=1)[0]

    def stream(self, texts: Iterable[Text | Example], *, batch_size: int = 1) -> Iterator[Any]:
        """Answer a stream of texts in order, in constant memory; raises as a call does."""
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        numbered = enumerate(texts)
        examples = (text if isinstance(text, Example) else read(text, f"text {number}") for number, text in numbered)
        # Without batches each text is answered immediately, so that a pipe gets its answer before it writes the next.
        chunk_texts = 1 if batch_size == 1 else batch_size * SORTED_BATCHES
        while chunk := list(islice(examples, chunk_texts)):
            yield from self._answers(chunk, batch_size)

    def close(self) -> None:
        """Free the model; later calls raise RuntimeError."""
        with self._lock:
            self._session = None
        self._resources.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        threads = f"{self.model.threads} thread{'s' if self.model.threads > 1 else ''}"
        return f"<Predictor {self.task.kind}, {self.model.runtime}, {threads}>"

    def _answers(self, examples: Sequence[Example], batch_size: int) -> list[Any]:
        encoded = self._encoder.encode(examples)
        outputs = self._infer(encoded) if len(encoded) <= batch_size else self._infer_by_length(encoded, batch_size)
        with self._lock:
            self.answered += len(encoded)
            self.cut += sum(text.is_cut for text in encoded)
        answer = self._task.answer
        return [answer(output, text, self.task) for output, text in zip(outputs, encoded, strict=True)]

    def _infer_by_length(self, encoded: Sequence[Encoded], batch_size: int) -> list[Output]:
        """Infer texts of similar lengths together, to reduce padding."""
        by_length = sorted(range(len(encoded)), key=lambda row: len(encoded[row].encoding))
        outputs: dict[int, Output] = {}
        for start in range(0, len(encoded), batch_size):
            rows = by_length[start : start + batch_size]
            outputs.update(zip(rows, self._infer([encoded[row] for row in rows]), strict=True))
        return [outputs[row] for row in range(len(encoded))]

    def _infer(self, encoded: Sequence[Encoded]) -> list[Output]:
        with self._lock:
            if self._session is None:
                raise RuntimeError("the predictor is closed")
            try:
                return infer(self.model, self._session, [text.encoding for text in encoded])
            except Exception as error:  # of any class: each runtime has its own
                reason = printable(str(error).strip().partition("\n")[0])
                raise WorkerError(f"{self.model.runtime} failed ({reason})", "convert the student again") from error
