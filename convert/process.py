"""Runs a conversion in a separate process."""

from contract.child import Limits, ask, command_of, free_memory_bytes
from contract.errors import InputError, WorkerError
from contract.strict import parse
from convert.converter import Exported
from convert.job import Answer, Job

# Warnings only go to stderr, even if the user's environment turns them into errors.
COMMAND = command_of("convert.job", "-W", "default")
TIMEOUT_S = 900.0


def convert(job: Job) -> Exported:
    """Run a conversion job in a separate process.

    Args:
        job: the conversion; its destination folder must exist.

    Raises:
        InputError: the process rejected the student, the calibration sentences or the fp32 model.
        UnfinishedError: the process was killed, exceeded its time or memory limit, or ran out of disk space.
        WorkerError: the process crashed or failed.
    """
    answer = ask(
        COMMAND,
        job.model_dump_json(),
        name="the converter",
        folder=job.destination,
        limits=Limits(seconds=TIMEOUT_S, memory_bytes=free_memory_bytes()),
        cure="select other variants with --runtime and --precision",
    )
    try:
        return parse(Answer, answer, "the converter's answer").exported
    except InputError as error:
        raise WorkerError(str(error)) from error
