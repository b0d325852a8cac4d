"""Makes the tiny models that `tinybert doctor` runs, by the converters of this project.

    python -m results.benchmarks.doctor_models --out infer/doctor/models

They are artifact folders of one student with random weights, each in a ZIP file, which is a fifth of its size.
`expected.json` beside them has the outputs of each.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import BertForSequenceClassification, PreTrainedTokenizerFast

    from contract.tokens import Tokens
    from infer.outputs import Outputs

# Of the first, 8-bit weights have 7 bits, so that sums of their products saturate on no processor.
# The second is for tflite-runtime, which computes a scale per channel wrongly; in fp32 there are no scales.
TARGETS = {"laptop-x86": ("fp32", "int8"), "raspberry-pi-os-32-bit": ("int8",)}
SEED = 7
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
WORDS = tuple(f"{front}{back}" for front in "bdfgklmn" for back in "aeio")
LABELS = ("bad", "good")
MAX_LENGTH_TOKENS = 16
EVALUATED, CALIBRATED = 8, 16


def main() -> None:
    """Make all models, and put them in the place of the earlier ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the folder to make; an earlier one is replaced")
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as scratch:
        models = Path(scratch) / "models"
        make(Path(scratch), models)
        shutil.rmtree(out, ignore_errors=True)
        write(models, out)
    sys.stdout.write(f"{out}\n")


def make(scratch: Path, out: Path, runtimes: tuple[str, ...] | None = None) -> None:
    """Make the models of some runtimes, by default of all.

    Args:
        scratch: a folder for the student.
        out: the folder to make.
        runtimes: the runtimes.
    """
    from convert.build import convert_student
    from targets.profile import read

    student = make_student(scratch / "student")
    for target, precisions in TARGETS.items():
        profile = read(target)
        named = [name for name in profile.runtimes if runtimes is None or name in runtimes]
        if named:
            convert_student(student, profile, out=out, runtimes=named, precisions=precisions)


def write(models: Path, out: Path) -> None:
    """Write each artifact in a folder to a ZIP file, and what all of them answer here."""
    from contract.files import write_atomic
    from contract.folder import identity
    from infer.doctor.expected import EXPECTED, Answers, Expected
    from infer.folders.artifact import ARTIFACT_MANIFEST, read_artifact
    from infer.worker.client import outputs_of

    answers = {}
    for manifest in sorted(models.glob(f"*/*/{ARTIFACT_MANIFEST}")):
        folder = manifest.parent
        name = folder.relative_to(models).as_posix()
        outputs = outputs_of(read_artifact(folder).model(folder))
        rounded = tuple(tuple(round(float(number), 6) for number in row) for row in outputs.logits.values)
        answers[name] = Answers(manifest=identity(manifest), logits=rounded)
        shutil.make_archive(str(out / name), "zip", folder)
    document = Expected(schema_version=1, models=answers)
    write_atomic(out / EXPECTED, document.model_dump_json() + "\n")


def make_student(folder: Path) -> Path:
    """Make a student of one layer, whose weights are the same on every processor."""
    import numpy as np

    from contract import ragged
    from contract.tokens import write_tokens
    from infer.folders.student import CALIBRATION, Evaluation, write_evaluation

    model, tokenizer = _network(), _tokenizer()
    folder.mkdir(parents=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    sentences = _sentences(EVALUATED + CALIBRATED)
    evaluated = sentences.take(range(EVALUATED))
    outputs = _outputs(model, evaluated)
    labels = ragged.single(outputs.logits.values.argmax(axis=1).astype(np.int64))
    write_evaluation(folder, Evaluation(tokens=evaluated, labels=labels, teacher=outputs, student=outputs))
    write_tokens(folder / CALIBRATION, sentences.take(range(EVALUATED, EVALUATED + CALIBRATED)))
    _write_manifest(folder, sum(parameter.numel() for parameter in model.parameters()))
    return folder


def _write_manifest(folder: Path, parameters: int) -> None:
    from contract.folder import inventory, write_manifest
    from infer.folders.student import SCHEMA, STUDENT_MANIFEST, Student
    from infer.tasks import classification

    manifest = Student(
        schema_version=SCHEMA,
        key="0" * 64,
        files=inventory(folder),
        parents={},
        tool_versions={},
        name="doctor",
        task=classification.Settings(labels=LABELS),
        max_length_tokens=MAX_LENGTH_TOKENS,
        parameters=parameters,
        seed=SEED,
        shape="1 layer",
        recipe={},
    )
    write_manifest(folder / STUDENT_MANIFEST, manifest)


def _network() -> "BertForSequenceClassification":
    import numpy as np
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=len(SPECIAL + WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=MAX_LENGTH_TOKENS,
        id2label=dict(enumerate(LABELS)),
    )
    model = BertForSequenceClassification(config)
    model.eval()
    generator = np.random.default_rng(SEED)
    with torch.no_grad():
        for _, weight in sorted(model.named_parameters()):
            if weight.ndim == 2:
                # Large enough that the answers differ, and multiples of 1/64, which no processor rounds.
                weight.copy_(torch.from_numpy(generator.integers(-32, 33, tuple(weight.shape)) / 64))
    return model


def _tokenizer() -> "PreTrainedTokenizerFast":
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = {piece: number for number, piece in enumerate(SPECIAL + WORDS)}
    made = Tokenizer(models.WordPiece(pieces, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.BertProcessing(("[SEP]", pieces["[SEP]"]), ("[CLS]", pieces["[CLS]"]))
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=made, **names)


def _sentences(count: int) -> "Tokens":
    import numpy as np

    from contract.tokens import from_rows

    generator = np.random.default_rng(SEED)
    lengths = [MAX_LENGTH_TOKENS, *generator.integers(4, MAX_LENGTH_TOKENS + 1, count - 1)]
    first, last = len(SPECIAL), len(SPECIAL + WORDS)
    rows = [[2, *generator.integers(first, last, length - 2).tolist(), 3] for length in lengths]
    return from_rows(rows, [[0] * len(row) for row in rows])


def _outputs(model: "BertForSequenceClassification", tokens: "Tokens") -> "Outputs":
    import numpy as np
    import torch

    from infer.outputs import of_logits

    rows = []
    with torch.inference_mode():
        for row in range(len(tokens)):
            batch = tokens.batch([row])
            tensors = {role: torch.from_numpy(array) for role, array in batch.by_role().items()}
            rows.append(model(**tensors).logits[0].float().numpy())
    return of_logits(np.stack(rows))


if __name__ == "__main__":
    main()
