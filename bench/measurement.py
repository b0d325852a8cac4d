"""The measurement of one model in a session: its jobs, and the replies so far."""

from dataclasses import dataclass, field, replace

from bench.label_order import describe_other_order
from bench.model_folder import ModelFolder
from bench.record import Block, Machine
from bench.references import References
from bench.settings import Settings
from bench.validity import Observation, block_validity
from contract.errors import WorkerError
from contract.progress import note
from infer.folders.artifact import TOKENIZER
from infer.folders.student import EVALUATION
from infer.outputs import check_alike, check_finite
from infer.worker.client import run_worker
from infer.worker.job import Job
from infer.worker.reply import LatencyReply, OutputsReply


@dataclass(kw_only=True, slots=True)
class Measurement:
    """A model being measured.

    Attributes:
        references: labels and reference outputs, if available.
        threads: number of threads for the runtime.
        doubts: what speaks against the times, whatever the blocks say.
        reply: outputs and memory, once known.
        blocks: blocks so far.
    """

    folder: ModelFolder
    references: References | None
    threads: int
    doubts: list[str] = field(default_factory=list)
    reply: OutputsReply | None = None
    blocks: list[Block] = field(default_factory=list)

    @property
    def metric(self) -> str:
        """The main metric of the student's recipe."""
        return self.folder.metric if self.references is None else self.references.student.main_metric

    def run_outputs(self, settings: Settings) -> None:
        """Run the model over all sentences in a fresh process, unless its outputs are known from an earlier run.

        Raises:
            TinybertError: the worker refused its input or failed, or its outputs cannot be judged.
        """
        if self.reply is None:
            self.reply = run_worker(self._job(), OutputsReply, timeout_s=settings.timeout_s)
        if self.references is None:
            return
        source = f"{self.folder.name}, {self.folder.label}: the model's outputs"
        evaluation = self.references.evaluation
        check_alike(self.reply.outputs, evaluation.student, source)
        check_finite(self.reply.outputs, source)
        kind = "student" if self.folder.kind == "teacher" else "teacher"
        reference = evaluation.student if kind == "student" else evaluation.teacher
        name = f"{self.folder.name}, {self.folder.label}"
        if said := describe_other_order(name, self.reply.outputs, f"the {kind}", reference, self.folder.task):
            note(f"warning: {said}")

    def run_block(self, rows: tuple[int, ...], settings: Settings, machine: Machine) -> None:
        """Time some sentences in a fresh process.

        Raises:
            TinybertError: the worker refused its input or failed.
        """
        job = replace(self._job(), mode="latency", rows=rows, warm_up=settings.warm_up)
        reply = run_worker(job, LatencyReply, timeout_s=settings.timeout_s)
        if not len(reply.infer_ns) == len(reply.tokenize_ns) == len(rows):
            raise WorkerError(f"{self.folder.label}: {len(reply.infer_ns)} samples for {len(rows)} sentences")
        self.blocks.append(_block(reply, rows, self.threads, machine))

    def _job(self) -> Job:
        folder = self.folder
        files = {**folder.files, EVALUATION: folder.evaluation}
        return Job(
            mode="outputs",
            model=replace(folder.model, threads=self.threads),
            tokens=str(folder.path / EVALUATION),
            tokenizer=str(folder.path / TOKENIZER),
            files={name: entry.sha256 for name, entry in files.items()},
        )


def _block(reply: LatencyReply, rows: tuple[int, ...], threads: int, machine: Machine) -> Block:
    observation = Observation(
        before=reply.before,
        after=reply.after,
        observed_ns=reply.observed_ns,
        wall_ns=sum(reply.infer_ns),
        cpu_ns=reply.cpu_ns,
        threads=threads,
        warmup_stable=reply.warmup_stable,
        cores=machine.cores,
        governor=machine.governor,
    )
    validity, causes = block_validity(observation)
    return Block(
        process_ns=reply.process_ns,
        import_ns=reply.import_ns,
        load_ns=reply.load_ns,
        first_infer_ns=reply.first_infer_ns,
        rows=rows,
        tokenize_ns=reply.tokenize_ns,
        infer_ns=reply.infer_ns,
        cpu_ns=reply.cpu_ns,
        warmup_stable=reply.warmup_stable,
        threads_observed=reply.threads_observed,
        before=reply.before,
        after=reply.after,
        validity=validity,
        causes=causes,
    )
