"""Has a conversion done in a process of its own."""

from contract.child import Limits, ask, command_of, free_memory_bytes
from contract.errors import InputError, WorkerError
from contract.strict import parse
from convert.converter import Exported
from convert.job import Answer, Job

# Warnings are for stderr alone, even where the user's environment makes them errors.
COMMAND = command_of("convert.job", "-W", "default")
TIMEOUT_S = 900.0


def convert(job: Job) -> Exported:
    """Do a job in a process of its own.

    Args:
        job: what to convert; its destination exists.

    Raises:
        InputError: it refused the student, the calibration sentences or the fp32 model.
        UnfinishedError: it was killed, took too long or too much memory, or found the disk full.
        WorkerError: it crashed or failed.
    """
    answer = ask(
        COMMAND,
        job.model_dump_json(),
        name="the converter",
        folder=job.destination,
        limits=Limits(seconds=TIMEOUT_S, memory_bytes=free_memory_bytes()),
        cure="ask for what can be made with --runtime and --precision",
    )
    try:
        return parse(Answer, answer, "the converter's answer").exported
    except InputError as error:
        raise WorkerError(str(error)) from error
