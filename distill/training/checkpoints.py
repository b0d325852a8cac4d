"""The checkpoints of a training: where they are kept, which one to resume from, and when they are removed."""

import shutil
from pathlib import Path

from transformers import TrainerState

from contract.progress import note


def work_folder(folder: Path) -> Path:
    """Return where the checkpoints of an unfinished output folder are kept."""
    return folder.parent / f".{folder.name}.work"


def last_complete(folder: Path) -> str | None:
    """Return the newest complete checkpoint, and remove the incomplete ones."""
    complete = []
    for checkpoint in folder.glob("checkpoint-*"):
        try:
            # The last file that the Trainer writes of a checkpoint.
            TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
            complete.append(checkpoint)
        except (OSError, ValueError):
            note(f"{checkpoint}: incomplete, removed")
            shutil.rmtree(checkpoint)
    newest = max(complete, key=lambda checkpoint: int(checkpoint.name.rpartition("-")[2]), default=None)
    return None if newest is None else str(newest)


def remove(work: Path) -> None:
    """Remove the checkpoints of a finished folder.

    Args:
        work: the folder that `work_folder` returned.
    """
    shutil.rmtree(work, ignore_errors=True)
