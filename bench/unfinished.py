"""What a session has measured so far, on disk, so that a killed session goes on when its command is given again.

Kept are each model's outputs, and rounds: one block of every model. A round is kept whole or not at all, because a
speed-up compares blocks that stood side by side: a block from before an interruption and one from after it did not.
"""

import io
import secrets
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from bench import moment
from bench.measurement import Measurement
from bench.moment import Moment
from bench.record import Block
from bench.schedule import Schedule
from contract.digest import sha256_of_value
from contract.errors import InputError, WorkerError
from contract.files import write_atomic
from contract.progress import note
from contract.strict import Strict, read_json
from contract.versions import versions_of
from infer import runtimes
from infer.worker.reply import Memory, OutputsReply

PREFIX = ".unfinished-"  # hidden, so that no report reads it
# Within a day and without a restart a machine is in one state; what is older is measured again.
LONGEST_S = 24 * 3600.0


class Round(Strict):
    """One block of each model that had not failed.

    Attributes:
        run: the process that measured it.
        blocks: the blocks by the model's SHA-256.
    """

    moment: Moment
    run: str
    blocks: dict[str, Block]


class KeptOutputs(Strict):
    """The rest of a reply, beside the file of its outputs."""

    moment: Moment
    process_ns: int
    memory: Memory


@dataclass(kw_only=True, slots=True)
class Unfinished:
    """The folder of an unfinished session.

    Attributes:
        folder: the folder, which may not exist yet.
        rounds: the rounds of earlier runs, by number.
        run: this process.
        runs: the processes that the session's rounds are from.
    """

    folder: Path
    rounds: dict[int, Round]
    run: str = field(default_factory=lambda: secrets.token_hex(4))
    runs: set[str] = field(default_factory=set)

    def outputs(self, measurement: Measurement) -> OutputsReply | None:
        """Return a model's outputs from an earlier run, if they were kept."""
        path = self._outputs_path(measurement)
        with suppress(InputError, WorkerError):  # measured again
            kept = read_json(path, KeptOutputs)
            if kept.moment.is_within(LONGEST_S, moment.now()):
                answer = kept.model_dump(mode="json", exclude={"moment"})
                return OutputsReply.read(answer, path.with_suffix(".npz"), measurement.folder.label)
        return None

    def keep_outputs(self, measurement: Measurement) -> None:
        """Keep a model's outputs; the file that names them is written last."""
        reply, path = measurement.reply, self._outputs_path(measurement)
        assert reply is not None
        file = io.BytesIO()
        np.savez(file, **reply.outputs.flat())  # type: ignore[arg-type]  # numpy's stub takes these for allow_pickle
        write_atomic(path.with_suffix(".npz"), file.getvalue())
        kept = KeptOutputs(moment=moment.now(), process_ns=reply.process_ns, memory=reply.memory)
        write_atomic(path, kept.model_dump_json())

    def use_round(self, number: int, measurements: list[Measurement]) -> bool:
        """Give some models their blocks of a round from an earlier run; return whether it had all of them."""
        kept = self.rounds.get(number)
        if not kept or not all(measurement.folder.sha256 in kept.blocks for measurement in measurements):
            return False
        for measurement in measurements:
            measurement.blocks.append(kept.blocks[measurement.folder.sha256])
        self.runs.add(kept.run)
        return True

    def keep_round(self, number: int, measurements: list[Measurement]) -> None:
        """Keep the last block of each of some models, which are all that were measured in a round."""
        if not measurements:
            return
        blocks = {measurement.folder.sha256: measurement.blocks[-1] for measurement in measurements}
        kept = Round(moment=moment.now(), run=self.run, blocks=blocks)
        write_atomic(self.folder / f"round-{number}.json", kept.model_dump_json())
        self.runs.add(self.run)

    @property
    def interruptions(self) -> int:
        """How often the session was interrupted between its rounds."""
        return max(0, len(self.runs) - 1)

    def remove(self) -> None:
        """Remove everything; the session is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _outputs_path(self, measurement: Measurement) -> Path:
        return self.folder / f"outputs-{measurement.folder.sha256[:16]}.json"


def find_unfinished(schedule: Schedule, out: Path) -> Unfinished:
    """Return what earlier runs of the same session have left in a results folder, and remove other runs' old leftovers.

    The same session has the same models, settings, target, threads, libraries and machine.
    """
    folder = out / f"{PREFIX}{_key(schedule)[:16]}"
    _remove_old(out, folder)
    now, numbers = moment.now(), range(schedule.settings.blocks)
    read = {number: _round(folder / f"round-{number}.json", schedule.rows_by_block[number]) for number in numbers}
    known = {number: kept for number, kept in read.items() if kept is not None}
    rounds = {number: kept for number, kept in known.items() if kept.moment.is_within(LONGEST_S, now)}
    total = len(schedule.measurements) * schedule.settings.blocks
    if rounds:
        found = sum(len(kept.blocks) for kept in rounds.values())
        note(f"going on with an interrupted session: {found} of {total} blocks found")
    elif known:
        note("an interrupted session is more than a day old or from before a restart of the machine: measured again")
    return Unfinished(folder=folder, rounds=rounds)


def _key(schedule: Schedule) -> str:
    return sha256_of_value(
        {
            "tool": versions_of(),
            "target": schedule.target,
            "machine": schedule.machine.model_dump(mode="json"),
            "settings": asdict(schedule.settings),
            "models": [
                [measurement.folder.sha256, measurement.threads, runtimes.version(measurement.folder.runtime)]
                for measurement in schedule.measurements
            ],
        }
    )


def _round(path: Path, rows: tuple[int, ...]) -> Round | None:
    if not path.is_file():
        return None
    with suppress(InputError):
        kept = read_json(path, Round)
        if all(block.rows == rows for block in kept.blocks.values()):
            return kept
    return None  # measured again


def _remove_old(out: Path, own: Path) -> None:
    oldest_s = time.time() - LONGEST_S
    for folder in out.glob(f"{PREFIX}*"):
        if folder != own and folder.stat().st_mtime < oldest_s:
            shutil.rmtree(folder, ignore_errors=True)
