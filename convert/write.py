"""Writes an artifact folder around a converted model."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from contract.digest import sha256_of_value
from contract.folder import building, identity, inventory, write_manifest
from contract.tokenizer import pad_id_of, read_tokenizer
from contract.tokens import Tokens, write_tokens
from contract.versions import versions_of
from convert.converter import Exported, get
from convert.plan import Plan
from infer.folders.artifact import (
    ARTIFACT_MANIFEST,
    EVALUATION,
    SCHEMA,
    TOKENIZER,
    Artifact,
    Parity,
    Quality,
    TokenizerSettings,
)
from infer.folders.student import STUDENT_MANIFEST, Student
from infer.folders.variant import Variant
from infer.tasks.evaluate import default_metric
from targets.profile import Profile

REVISION = 5  # bump when the same inputs would give different bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """What all artifacts of one student for one device share.

    Attributes:
        folder: the student folder.
        student: its manifest.
        identity: the SHA-256 of its manifest.
        evaluation: the sentences a device is measured on.
        pad_id: token id that its tokenizer pads with.
    """

    folder: Path
    student: Student
    identity: str
    evaluation: Tokens
    pad_id: int
    profile: Profile


def origin_of(folder: Path, student: Student, evaluation: Tokens, profile: Profile) -> Origin:
    """Return what the artifacts of a student folder for a device share.

    Raises:
        InputError: its tokenizer cannot be read.
    """
    return Origin(
        folder=folder,
        student=student,
        identity=identity(folder / STUDENT_MANIFEST),
        evaluation=evaluation,
        pad_id=pad_id_of(read_tokenizer(folder / TOKENIZER)),
        profile=profile,
    )


def key(origin: Origin, plan: Plan, variant: Variant) -> str:
    """Return the hash of everything an artifact is made from."""
    profile, student = origin.profile, origin.student
    # The default_metric one is left out, as it was before a recipe's own was followed.
    metric = {} if student.main_metric == default_metric(student.task.kind) else {"metric": student.main_metric}
    return sha256_of_value(
        {
            "method": REVISION,
            "student": origin.identity,
            "variant": variant.model_dump(mode="json", exclude={"reads"}),  # which follows from the student
            "lengths_tokens": plan.lengths_tokens,
            "target": profile.name,
            "arch": profile.arch,
            "has_int8_dot_product": profile.has_int8_dot_product,
            "needs_scale_per_tensor": profile.needs_scale_per_tensor,
            "threads": profile.threads,
            "tool_versions": versions_of(*get(plan.runtime).LIBRARIES),
            **metric,
            **get(variant.runtime).depends_on(variant, profile),
        }
    )


def write(
    folder: Path,
    models: Path,
    exported: Exported,
    origin: Origin,
    plan: Plan,
    variant: Variant,
    parity: Parity,
    quality: Quality,
) -> None:
    """Write a finished artifact folder: the model, the tokenizer, the evaluation sentences without their answers.

    Args:
        folder: the artifact folder.
        models: the folder the converter wrote to; all its files are taken along.
        exported: the model.
        origin: what it was made from.
        plan: the runtime and its lengths.
        variant: what was asked for.
        parity: how near it is to the student.
        quality: how right it answers.
    """
    with building(folder) as scratch:
        shutil.copytree(models, scratch, dirs_exist_ok=True)
        shutil.copyfile(origin.folder / TOKENIZER, scratch / TOKENIZER)
        write_tokens(scratch / EVALUATION, origin.evaluation)
        tokenizer = TokenizerSettings(
            file=TOKENIZER, pad_id=origin.pad_id, max_length_tokens=origin.student.max_length_tokens
        )
        manifest = Artifact(
            schema_version=SCHEMA,
            key=key(origin, plan, variant),
            files=inventory(scratch),
            parents={**origin.student.parents, "student": origin.identity},
            tool_versions=versions_of(*get(plan.runtime).LIBRARIES),
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
