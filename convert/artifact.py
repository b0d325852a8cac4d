"""Writes artifact folders."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from contract.digest import sha256_of_value
from contract.folder import building, identity, inventory, write_manifest
from contract.tokenizer import pad_id_of, read_tokenizer
from contract.tokens import Tokens, write_tokens
from contract.versions import versions_of
from convert.card import markdown
from convert.converter import Exported, get
from convert.quality import find_doubt
from convert.variants import VariantGroup
from infer.folders.artifact import (
    ARTIFACT_MANIFEST,
    CARD,
    EVALUATION,
    SCHEMA,
    TOKENIZER,
    Artifact,
    Parity,
    Quality,
    TokenizerSettings,
)
from infer.folders.student import STUDENT_MANIFEST, Student, read_evaluation
from infer.folders.variant import Variant
from infer.tasks.evaluate import default_metric
from targets.profile import Profile

REVISION = 7  # bump when the same inputs would give different bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The student and the device of an artifact.

    Attributes:
        folder: the student folder.
        student: the student's manifest.
        identity: SHA-256 of the student's manifest.
        evaluation: the sentences that the device is measured on.
        pad_id: padding token id of the student's tokenizer.
    """

    folder: Path
    student: Student
    identity: str
    evaluation: Tokens
    pad_id: int
    profile: Profile


def origin_of(folder: Path, student: Student, evaluation: Tokens, profile: Profile) -> Origin:
    """Return the origin of the artifacts made from a student folder for a device.

    Raises:
        InputError: the student's tokenizer cannot be read.
    """
    return Origin(
        folder=folder,
        student=student,
        identity=identity(folder / STUDENT_MANIFEST),
        evaluation=evaluation,
        pad_id=pad_id_of(read_tokenizer(folder / TOKENIZER)),
        profile=profile,
    )


def artifact_key(origin: Origin, group: VariantGroup, variant: Variant) -> str:
    """Return a hash of everything that an artifact is made from."""
    profile, student = origin.profile, origin.student
    # The default metric is left out: older artifacts, made before a recipe could choose a metric, keep their keys.
    metric = {} if student.main_metric == default_metric(student.task.kind) else {"metric": student.main_metric}
    return sha256_of_value(
        {
            "method": REVISION,
            "student": origin.identity,
            "variant": variant.model_dump(mode="json", exclude={"reads"}),  # determined by the student
            "lengths_tokens": group.lengths_tokens,
            "target": profile.name,
            "arch": profile.arch,
            "has_int8_dot_product": profile.has_int8_dot_product,
            "needs_scale_per_tensor": profile.needs_scale_per_tensor,
            "threads": profile.threads,
            "tool_versions": versions_of(*get(group.runtime).LIBRARIES),
            **metric,
            **get(variant.runtime).depends_on(variant, profile),
        }
    )


def write_artifact(
    folder: Path,
    models: Path,
    exported: Exported,
    origin: Origin,
    group: VariantGroup,
    variant: Variant,
    parity: Parity,
    quality: Quality,
) -> None:
    """Write a finished artifact folder: the model, the tokenizer and the evaluation sentences without their labels.

    Args:
        folder: the artifact folder.
        models: the folder that the converter wrote to; all its files are copied.
        exported: the converter's description of the model.
        origin: the student and the device.
        group: the runtime and its lengths.
        variant: the requested variant.
        parity: differences between the outputs of the model and the student.
        quality: metrics of the model's outputs.
    """
    with building(folder) as scratch:
        shutil.copytree(models, scratch, dirs_exist_ok=True)
        shutil.copyfile(origin.folder / TOKENIZER, scratch / TOKENIZER)
        write_tokens(scratch / EVALUATION, origin.evaluation)
        labels = read_evaluation(origin.folder).labels
        doubt = find_doubt("the model", origin.student.task, quality, labels)
        card = markdown(origin.student, origin.profile, variant, parity, quality, doubt)
        (scratch / CARD).write_text(card, encoding="utf-8")
        tokenizer = TokenizerSettings(
            file=TOKENIZER, pad_id=origin.pad_id, max_length_tokens=origin.student.max_length_tokens
        )
        manifest = Artifact(
            schema_version=SCHEMA,
            key=artifact_key(origin, group, variant),
            files=inventory(scratch),
            parents={**origin.student.parents, "student": origin.identity},
            tool_versions=versions_of(*get(group.runtime).LIBRARIES),
            name=origin.student.name,
            task=origin.student.task,
            variant=variant.model_copy(update={"rewrites": exported.rewrites}),
            target=origin.profile.name,
            graphs={"model": exported.graph},
            tokenizers={"source": tokenizer},
            threads=origin.profile.threads,
            quantization=exported.quantization,
            parity=parity,
            quality=quality,
        )
        write_manifest(scratch / ARTIFACT_MANIFEST, manifest)
