"""Makes a student folder of a finished classifier; nothing is trained."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from contract.digest import sha256_of_value
from contract.errors import InputError
from contract.files import write_atomic
from contract.folder import building, inventory, is_finished, write_manifest
from contract.lock import locked
from contract.progress import note
from contract.tokens import Tokens, write_tokens
from contract.versions import versions_of
from distill import tasks, teacher
from distill.adopt.head import Head
from distill.adopt.rows import OwnRows
from distill.data.calibration import calibration_groups, choose_calibration, special_ids
from distill.data.rows import Rows
from distill.data.tokenise import load_tokenizer, tokenise
from distill.model.predict import predict
from distill.model.source import Encoder
from distill.recipe.shape import Shape
from distill.student.initialise import count_parameters, longest_of
from infer import tasks as infer_tasks
from infer.folders.student import CALIBRATION, SCHEMA, STUDENT_MANIFEST, Evaluation, Student, write_evaluation

REVISION = 1  # bump when the same classifier and rows would give another folder
USUAL_LENGTHS_TOKENS = (32, 64, 128, 256, 512)
CALIBRATED_ROWS = 128
# Of rows that must serve for both: the others are judged on.
CALIBRATED_SHARE = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The rows that are judged and those that calibrate, as token ids."""

    evaluated: Rows
    evaluation: Tokens
    calibration: Tokens


def adopt(encoder: Encoder, head: Head, rows: OwnRows, *, max_length_tokens: int | None, out: Path) -> Path:
    """Make a student folder of a finished classifier, unless it is finished.

    Args:
        encoder: the classifier.
        head: what it answers.
        rows: labelled rows to judge and to calibrate on.
        max_length_tokens: length to cut texts at; by default a usual length that all texts fit in.
        out: parent of the folder.

    Returns:
        The student folder.

    Raises:
        InputError: the model cannot be loaded, or has no room for texts of that length.
    """
    config = teacher.read_config(encoder.folder, encoder.name)
    tokenizer = load_tokenizer(encoder.folder)
    length_tokens = _length_tokens(config, tokenizer, rows, max_length_tokens, encoder.name)
    key = _key(encoder, head, rows, length_tokens)
    folder = out / f"student-{key[:8]}"
    with locked(out):
        if not is_finished(folder / STUDENT_MANIFEST, Student, key):
            _build(
                encoder, head, _choose(rows, tokenizer, length_tokens, config, encoder.name), length_tokens, folder, key
            )
    return folder


def name_of(model: str) -> str:
    """Return what to call a model: the last part of its name, or its folder's name."""
    last = Path(model).resolve().name if Path(model).is_dir() else re.split(r"[/:]", model)[-1]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", last).strip("-") or "model"


def _key(encoder: Encoder, head: Head, rows: OwnRows, length_tokens: int) -> str:
    return sha256_of_value(
        {
            "method": REVISION,
            "model": encoder.sha256,
            "name": name_of(encoder.name),
            "task": head.task,
            "labels": head.label_names,
            "data": [rows.evaluated.key(), rows.others.key() if rows.others else None],
            "max_length_tokens": length_tokens,
        }
    )


def _length_tokens(
    config: Any, tokenizer: PreTrainedTokenizerFast, rows: OwnRows, wanted: int | None, name: str
) -> int:
    """Return where texts are cut, and say so."""
    longest = longest_of(config, name)
    if wanted is not None:
        if wanted > longest:
            raise InputError(
                f"--max-length-tokens {wanted} is more than the {longest} positions of {name}",
                f"give at most {longest}",
            )
        return wanted
    needed = int(tokenise(tokenizer, rows.evaluated, longest).lengths.max())
    length = min(longest, next((usual for usual in USUAL_LENGTHS_TOKENS if usual >= needed), longest))
    note(f"texts are cut at {length} tokens, the longest here has {needed}; --max-length-tokens changes it")
    return length


def _choose(rows: OwnRows, tokenizer: PreTrainedTokenizerFast, length_tokens: int, config: Any, name: str) -> Chosen:
    """Divide the rows: no text is judged that also calibrates."""
    evaluation = tokenise(tokenizer, rows.evaluated, length_tokens)
    others = evaluation if rows.others is None else tokenise(tokenizer, rows.others, length_tokens)
    teacher.check_tokens(config, (evaluation, others), name)
    calibration = choose_calibration(
        others,
        calibration_groups(rows.evaluated if rows.others is None else rows.others),
        evaluation.take([]) if rows.others is None else evaluation,
        special_ids=special_ids(tokenizer),
        sentences=min(CALIBRATED_ROWS, len(others) // CALIBRATED_SHARE if rows.others is None else len(others)),
        seed=0,
    )
    used = {calibration.row_ids(row).tobytes() for row in range(len(calibration))}
    kept = [row for row in range(len(evaluation)) if evaluation.row_ids(row).tobytes() not in used]
    if not kept:
        raise InputError(f"{rows.source}: all rows have the same texts", "give rows with different texts")
    note(f"judged on {len(kept)} rows of {rows.source}, {len(calibration)} {_origin(rows)} calibrate int8")
    return Chosen(evaluated=rows.evaluated.take(kept), evaluation=evaluation.take(kept), calibration=calibration)


def _origin(rows: OwnRows) -> str:
    return f"of {rows.others_source}" if rows.others_source else "others of them"


def _build(encoder: Encoder, head: Head, chosen: Chosen, length_tokens: int, folder: Path, key: str) -> None:
    half, settings = tasks.get(head.task), infer_tasks.settings(head.task, head.label_names)
    model = teacher.load(encoder.folder, head.task, half.head_config(head.label_names), name=encoder.name)
    tokenizer = load_tokenizer(encoder.folder)
    outputs = predict(model, chosen.evaluation, f"Answers of {encoder.name}")
    evaluation = Evaluation(
        tokens=chosen.evaluation,
        labels=half.labels(chosen.evaluated, tokenizer, length_tokens),
        teacher=outputs,  # it has no other: what an artifact loses is what it loses against the model itself
        student=outputs,
    )
    with building(folder) as scratch:
        model.save_pretrained(scratch)
        tokenizer.save_pretrained(scratch)
        write_evaluation(scratch, evaluation)
        write_tokens(scratch / CALIBRATION, chosen.calibration)
        write_atomic(scratch / "README.md", _card(encoder, head, length_tokens))
        manifest = Student(
            schema_version=SCHEMA,
            key=key,
            files=inventory(scratch),
            parents={"model": encoder.sha256},
            tool_versions=versions_of(*teacher.LIBRARIES),
            name=name_of(encoder.name),
            task=settings,
            max_length_tokens=length_tokens,
            parameters=count_parameters(model),
            seed=0,
            shape=f"{_shape(model)}; not distilled",
            recipe={},
        )
        write_manifest(scratch / STUDENT_MANIFEST, manifest)


def _shape(model: PreTrainedModel) -> Shape:
    config = model.config
    return Shape(
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        heads=config.num_attention_heads,
        feed_forward_width=config.intermediate_size,
    )


def _card(encoder: Encoder, head: Head, length_tokens: int) -> str:
    return f"""# {name_of(encoder.name)}

{encoder.name}, with the weights it had, and the sentences it is judged and calibrated on; made by tinybert-edge for
conversion. Labels: {", ".join(head.label_names) or "one score"}. Texts are cut at {length_tokens} tokens.
"""
