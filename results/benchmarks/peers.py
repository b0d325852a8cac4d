"""Latency and answers of this project's artifacts beside what users make of the same classifier with other tools.

Peers are made in an environment of their own, as Optimum needs an older transformers, and in that of this project:

    pip install optimum-onnx 'optimum-intel[openvino,nncf]'
    python results/benchmarks/peers.py make STUDENT PEERS --texts train.tsv
    python results/benchmarks/peers.py make-litert STUDENT PEERS --length 32 128

Then all are measured in turn, round by round, from the repository's root in the environment of this project:

    python results/benchmarks/peers.py time PEERS/*/*.{onnx,xml,tflite} ARTIFACTS/* --student STUDENT --texts dev.tsv

`make` calls Optimum as its documentation does, with its defaults:

- ONNX: its export, and ORTQuantizer with AutoQuantizationConfig.avx512_vnni and avx2, dynamic, per tensor.
- OpenVINO: its export, OVQuantizer with OVQuantizationConfig (activations too, calibrated on 300 texts, which is NNCF
  with model_type TRANSFORMER) and with OVWeightQuantizationConfig (weights alone), dynamic shapes.

Optimum has no LiteRT, so `make-litert` is what LiteRT's documentation has: the model as transformers loads it,
litert-torch, a model for one length, and ai-edge-quantizer's dynamic int8. Shorter sentences are padded to its length.

`time` runs each model in a fresh process of `infer.worker.main`, with the runtime's settings the same for peers and
artifacts: so ONNX Runtime's threads do not spin between inferences, and OpenVINO computes in f32 what is not int8,
where Optimum would leave it to the processor. Optimum's own Python classes are left out, which favours its models.
Sentences to time are real ones, joined and cut to exactly the length that is asked for; answers are those to the
sentences as they are. `--bert-base` adds BERT-base's shape as eager transformers pipeline, with the student's tokenizer
and random weights, as its answers do not matter for the speed, and the times of tokenising and inferring to compare.
"""

import argparse
import csv
import json
import os
import random
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

# What the environments do not share is imported where it is used.
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

if TYPE_CHECKING:
    from contract.tokens import Tokens

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
LITERT_INPUTS = ("args_0", "args_1", "args_2")  # the exporter's own names, in the order of the forward function
RUNTIMES = {".onnx": "onnx", ".xml": "openvino", ".tflite": "tflite"}
BERT_BASE = "BERT-base, transformers pipeline"


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """One model to time; the fields are those of infer.worker.job.Job.

    Attributes:
        size_bytes: of the model alone, without the tokenizer.
        is_own: one of this project's artifacts.
    """

    name: str
    folder: Path
    model_file: str
    runtime: str
    inputs: tuple[str, str, str]
    buckets: tuple[int, ...]
    size_bytes: int
    is_own: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentences:
    """Sentences of one length.

    Attributes:
        path: the .npz with their token ids.
        texts: which are these token ids when cut to the length.
    """

    length_tokens: int
    path: Path
    texts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """How many of the sentences that a model takes get the student's label, and the true one if it is known."""

    total: int
    as_student: int
    right: int | None


@dataclass(kw_only=True, slots=True)
class Times:
    """Medians of each round, in milliseconds: of inferring, and of tokenising and inferring."""

    infer_ms: list[float]
    whole_ms: list[float]


Key = tuple[int, str]  # length in tokens, name of the model
Way = Callable[[], tuple[float, float]]  # times one model; the two numbers of one round


def make(arguments: argparse.Namespace) -> None:
    """Write Optimum's models of a student."""
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    arguments.out.mkdir(parents=True, exist_ok=True)
    _make_onnx(arguments.student, arguments.out, arguments.configurations)
    _make_openvino(arguments.student, arguments.out, arguments)


def _make_onnx(student: Path, out: Path, configurations: Sequence[str]) -> None:
    from optimum.onnxruntime import ORTModelForSequenceClassification, ORTQuantizer
    from optimum.onnxruntime.configuration import AutoQuantizationConfig

    exported = out / "optimum-onnx-fp32"
    model = ORTModelForSequenceClassification.from_pretrained(student, export=True, local_files_only=True)
    model.save_pretrained(exported)
    for name in configurations:
        configuration = getattr(AutoQuantizationConfig, name)(is_static=False, per_channel=False)
        quantizer = ORTQuantizer.from_pretrained(exported)
        quantizer.quantize(save_dir=out / f"optimum-onnx-{name}", quantization_config=configuration)


def _make_openvino(student: Path, out: Path, arguments: argparse.Namespace) -> None:
    import nncf
    from optimum.intel import OVConfig, OVModelForSequenceClassification, OVQuantizationConfig, OVQuantizer
    from optimum.intel import OVWeightQuantizationConfig as OVWeights

    exported = out / "optimum-openvino-fp32"
    options = {"compile": False, "local_files_only": True}
    OVModelForSequenceClassification.from_pretrained(student, export=True, **options).save_pretrained(exported)
    samples = _calibration(student, arguments)
    ways = {
        "ptq": (OVQuantizationConfig(num_samples=len(samples)), nncf.Dataset(samples)),
        "weights": (OVWeights(bits=8), None),
    }
    for name, (configuration, dataset) in ways.items():
        model = OVModelForSequenceClassification.from_pretrained(exported, export=False, **options)
        OVQuantizer.from_pretrained(model).quantize(
            calibration_dataset=dataset,
            ov_config=OVConfig(quantization_config=configuration),
            save_directory=out / f"optimum-openvino-{name}",
        )


def _calibration(student: Path, arguments: argparse.Namespace) -> list[dict[str, NDArray[np.int64]]]:
    """Return the inputs of some texts, one text each, of shape (1, L)."""
    texts = [row[arguments.column] for row in _rows(arguments)]
    drawn = random.Random(0).sample(texts, min(arguments.calibration_sentences, len(texts)))
    tokenizer = _tokenizer(student, arguments.cut_tokens)
    encoded = [tokenizer.encode(text) for text in drawn]
    found = [(one.ids, one.attention_mask, one.type_ids) for one in encoded]
    return [{name: np.array([ids]) for name, ids in zip(INPUTS, one, strict=True)} for one in found]


def make_litert(arguments: argparse.Namespace) -> None:
    """Write a student's LiteRT models, in fp32 and in dynamic int8, two for each length."""
    import torch
    from ai_edge_quantizer import quantizer, recipe
    from litert_torch import signature
    from transformers import AutoModelForSequenceClassification

    student = AutoModelForSequenceClassification.from_pretrained(
        arguments.student, dtype=torch.float32, local_files_only=True, return_dict=False
    )
    for length in arguments.length:
        fp32, int8 = (arguments.out / f"litert-torch-{length}-{kind}" / "model.tflite" for kind in ("fp32", "int8"))
        for path in (fp32, int8):
            path.parent.mkdir(parents=True, exist_ok=True)
        # Three tensors of their own: litert-torch makes one input of a tensor that comes twice.
        example = tuple(make((1, length), dtype=torch.int32) for make in (torch.ones, torch.ones, torch.zeros))
        signature(f"seq{length}", student.eval(), example).convert().export(str(fp32))
        work = quantizer.Quantizer(str(fp32))
        work.load_quantization_recipe(recipe.dynamic_wi8_afp32())
        work.quantize().export_model(str(int8), overwrite=True)


def time(arguments: argparse.Namespace) -> None:
    """Measure models in turn and print the tables."""
    from infer import runtimes

    models = [_model(argument) for argument in arguments.models]
    if arguments.fixed:
        models += [_fixed(model, arguments.length) for model in models if model.is_own and not model.buckets]
    names = [model.name for model in models]
    baseline = arguments.baseline or names[0]
    if len(set(names)) < len(names) or baseline not in names:
        raise SystemExit(f"error: models need names of their own, one that of the baseline ({baseline}): {names}")
    for model in models:
        runtimes.require(model.runtime)
    answers = _answers(models, arguments)
    with TemporaryDirectory(prefix="peers-") as scratch:
        lengths = [_sentences(length, Path(scratch), arguments) for length in arguments.length]
        times: dict[Key, Times] = {}
        for number in range(arguments.rounds):
            print(f"Round {number + 1} of {arguments.rounds}", file=sys.stderr)  # noqa: T201
            for sentences in lengths:
                _round(_ways(models, sentences, arguments), sentences.length_tokens, times, backwards=number % 2 == 1)
    _print_head(models, arguments)
    for length in arguments.length:
        _print_table(models, length, baseline, times, answers)


def _model(argument: str) -> Model:
    """Read what an argument names: a model file, an artifact folder or a Hugging Face folder."""
    from infer.folders.artifact import ARTIFACT_MANIFEST, read_artifact

    name, _, place = argument.rpartition("=")
    path = Path(place).resolve()
    model_file, runtime, inputs, buckets = "", "pytorch", INPUTS, ()
    is_own = (path / ARTIFACT_MANIFEST).is_file()
    if is_own:
        artifact = read_artifact(path)
        model_file, runtime = artifact.model_file, artifact.runtime.value
        inputs, buckets = artifact.inputs, artifact.length_buckets_tokens
        usual = f"tinybert-edge {path.name}"
    elif path.is_file() and path.suffix in RUNTIMES:
        path, model_file, runtime = path.parent, path.name, RUNTIMES[path.suffix]
        usual = path.name
        if runtime == "tflite":
            inputs, buckets = LITERT_INPUTS, _signature_lengths(path / model_file)
    elif (path / "config.json").is_file():
        usual = f"{path.name} (PyTorch)"
    else:
        raise SystemExit(f"error: {place} is no .onnx, .xml or .tflite file, artifact folder or Hugging Face folder")
    weights = path / (model_file or "model.safetensors")
    return Model(
        name=name or usual,
        folder=path,
        model_file=model_file,
        runtime=runtime,
        inputs=inputs,
        buckets=buckets,
        is_own=is_own,
        size_bytes=sum(one.stat().st_size for one in {weights, weights.with_suffix(".bin")} if one.is_file()),
    )


def _fixed(model: Model, lengths_tokens: Sequence[int]) -> Model:
    """Return a model that takes any length as its runtime runs it when it is prepared for some."""
    return replace(model, name=f"{model.name}, fixed lengths", buckets=tuple(sorted(lengths_tokens)))


def _signature_lengths(path: Path) -> tuple[int, ...]:
    from ai_edge_litert.interpreter import Interpreter

    names = Interpreter(model_path=str(path)).get_signature_list()
    return tuple(sorted(int(name.removeprefix("seq")) for name in names))


def _answers(models: Sequence[Model], arguments: argparse.Namespace) -> dict[str, Answers]:
    """Run every model over the sentences as they are; one that takes no long ones over the others."""
    from contract.tokens import from_rows
    from infer.folders.model import Loadable
    from infer.worker.start import outputs_of

    rows = list(_rows(arguments))[: arguments.answers]
    tokenizer = _tokenizer(arguments.student, arguments.cut_tokens)
    encoded = [tokenizer.encode(row[arguments.column]) for row in rows]
    tokens = from_rows([one.ids for one in encoded], [one.type_ids for one in encoded])
    labels_N = _labels(rows, arguments.student)

    def predicted(model: Model, kept: "Tokens") -> NDArray[np.intp]:
        loadable = Loadable(
            folder=model.folder,
            runtime=model.runtime,
            model_file=model.model_file,
            inputs=model.inputs,
            buckets=model.buckets,
            threads=arguments.threads,
            pad_id=_pad_id(arguments.student),
        )
        logits_NC = outputs_of(loadable, kept)
        return logits_NC.argmax(axis=1)

    student_N = predicted(_model(str(arguments.student)), tokens)
    found = {}
    for model in models:
        fits_N = tokens.lengths <= max(model.buckets, default=arguments.cut_tokens)
        answer_M = predicted(model, tokens.take(np.flatnonzero(fits_N).tolist()))
        found[model.name] = Answers(
            total=len(answer_M),
            as_student=int((answer_M == student_N[fits_N]).sum()),
            right=None if labels_N is None else int((answer_M == labels_N[fits_N]).sum()),
        )
    return found


def _labels(rows: Sequence[dict[str, str]], student: Path) -> NDArray[np.int64] | None:
    """Return the numbers of the true labels, which may stand there by name; None where there is no such column."""
    if "label" not in rows[0]:
        return None
    numbers = json.loads((student / "config.json").read_text(encoding="utf-8")).get("label2id", {})
    return np.array([int(numbers.get(row["label"], row["label"])) for row in rows])


def _sentences(length_tokens: int, scratch: Path, arguments: argparse.Namespace) -> Sentences:
    """Join real sentences to texts that have exactly so many tokens once they are cut."""
    from contract.tokens import from_rows, write_tokens

    tokenizer = _tokenizer(arguments.student, length_tokens)
    more = cycle(row[arguments.column] for row in _rows(arguments))
    texts, ids, types = [], [], []
    for _ in range(arguments.sentences):
        text = next(more)
        while len((encoded := tokenizer.encode(text)).ids) < length_tokens:
            text = f"{text} {next(more)}"
        texts.append(text)
        ids.append(encoded.ids)
        types.append(encoded.type_ids)
    path = scratch / f"{length_tokens}.npz"
    write_tokens(path, from_rows(ids, types))
    return Sentences(length_tokens=length_tokens, path=path, texts=tuple(texts))


def _ways(models: Sequence[Model], sentences: Sentences, arguments: argparse.Namespace) -> dict[str, Way]:
    """Return how to time each model that takes the length."""
    ways: dict[str, Way] = {
        model.name: partial(_time_model, model, sentences, arguments)
        for model in models
        if not model.buckets or sentences.length_tokens <= max(model.buckets)
    }
    if arguments.bert_base:
        ways[BERT_BASE] = partial(_time_pipeline, sentences, arguments)
    return ways


def _round(ways: dict[str, Way], length: int, times: dict[Key, Times], *, backwards: bool) -> None:
    """Time every model once, each in a fresh process."""
    for name in reversed(ways) if backwards else ways:
        infer_ms, whole_ms = ways[name]()
        found = times.setdefault((length, name), Times(infer_ms=[], whole_ms=[]))
        found.infer_ms.append(infer_ms)
        found.whole_ms.append(whole_ms)


def _time_model(model: Model, sentences: Sentences, arguments: argparse.Namespace) -> tuple[float, float]:
    """Return the median milliseconds of inferring, and of tokenising and inferring."""
    from infer.worker.job import Job
    from infer.worker.reply import LatencyReply
    from infer.worker.start import run_worker

    job = Job(
        mode="latency",
        folder=str(model.folder),
        model_file=model.model_file,
        runtime=model.runtime,
        threads=arguments.threads,
        inputs=model.inputs,
        buckets=model.buckets,
        tokens=str(sentences.path),
        tokenizer=str(arguments.student.resolve() / "tokenizer.json"),
        pad_id=_pad_id(arguments.student),
        rows=tuple(range(len(sentences.texts))),
        files={},
    )
    reply = run_worker(job, LatencyReply)
    whole_ns = [sum(both) for both in zip(reply.tokenize_ns, reply.infer_ns, strict=True)]
    return statistics.median(reply.infer_ns) / 1e6, statistics.median(whole_ns) / 1e6


def _time_pipeline(sentences: Sentences, arguments: argparse.Namespace) -> tuple[float, float]:
    """Return the median milliseconds of a call of the pipeline; it does not tell inferring from tokenising."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh_process:
        work = fresh_process.submit(_pipeline_ns, sentences, arguments.student, arguments.threads)
        return float("nan"), statistics.median(work.result()) / 1e6


def _pipeline_ns(sentences: Sentences, student: Path, threads: int) -> list[int]:
    """Time BERT-base in this process; text in, label out."""
    from distill.quiet import quiet

    quiet()
    import torch
    from transformers import BertConfig, BertForSequenceClassification, pipeline

    from distill.data.tokenise import load_tokenizer
    from infer.worker.clock import SYSTEM
    from infer.worker.job import WarmUp
    from infer.worker.warmup import warm_up

    torch.set_num_threads(threads)
    model = BertForSequenceClassification(BertConfig()).eval()
    call = partial(
        pipeline("text-classification", model=model, tokenizer=load_tokenizer(student), device="cpu"),
        truncation=True,
        max_length=sentences.length_tokens,
    )
    warm_up(lambda: call(sentences.texts[0]), WarmUp(), SYSTEM)
    samples_ns = []
    for text in sentences.texts:
        start_ns = SYSTEM.wall_ns()
        call(text)
        samples_ns.append(SYSTEM.wall_ns() - start_ns)
    return samples_ns


def _print_head(models: Sequence[Model], arguments: argparse.Namespace) -> None:
    from bench.machine import fingerprint
    from infer import runtimes

    machine = fingerprint()
    versions = {model.runtime: runtimes.version(model.runtime) for model in models}
    print(f"{machine.label}; {' '.join(machine.isa_features)}.")  # noqa: T201
    print(", ".join(f"{name} {version}" for name, version in versions.items()) + ".")  # noqa: T201
    print(  # noqa: T201
        f"Batch 1, threads: {arguments.threads}, {arguments.rounds} rounds of {arguments.sentences} sentences, "
        "medians. A ratio is how many times as fast, median of the rounds (lowest to highest)."
    )


def _print_table(
    models: Sequence[Model],
    length: int,
    baseline: str,
    times: dict[Key, Times],
    answers: dict[str, Answers],
) -> None:
    pipeline = times.get((length, BERT_BASE))
    head = ["model", "MB", "ms", f"ratio to {baseline}", "student's label", "right"]
    head += ["tokenise + infer, ms", "ratio to BERT-base"] if pipeline else []
    print(f"\n{length} tokens:\n\n| {' | '.join(head)} |\n|---|{'---:|' * (len(head) - 1)}")  # noqa: T201
    base = times.get((length, baseline))
    for model in models:
        found, answer = times.get((length, model.name)), answers[model.name]
        cells = [model.name, f"{model.size_bytes / 1e6:.1f}", _median(found and found.infer_ms)]
        cells += [_ratio(base and base.infer_ms, found and found.infer_ms), f"{answer.as_student} of {answer.total}"]
        cells += ["" if answer.right is None else f"{answer.right} of {answer.total}"]
        if pipeline:
            cells += [_median(found and found.whole_ms), _ratio(pipeline.whole_ms, found and found.whole_ms)]
        print(f"| {' | '.join(cells)} |")  # noqa: T201
    if pipeline:
        print(f"| {BERT_BASE} | | | | | | {_median(pipeline.whole_ms)} | 1.00 |")  # noqa: T201


def _median(values_ms: Sequence[float] | None) -> str:
    return f"{statistics.median(values_ms):.2f}" if values_ms else ""


def _ratio(base_ms: Sequence[float] | None, values_ms: Sequence[float] | None) -> str:
    if not base_ms or not values_ms:
        return ""
    ratios = [base / own for base, own in zip(base_ms, values_ms, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def _rows(arguments: argparse.Namespace) -> Iterator[dict[str, str]]:
    with arguments.texts.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def _tokenizer(student: Path, length_tokens: int) -> Any:
    tokenizer = Tokenizer.from_file(str(student / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(length_tokens)
    return tokenizer


def _pad_id(student: Path) -> int:
    return json.loads((student / "config.json").read_text(encoding="utf-8")).get("pad_token_id") or 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    making = commands.add_parser("make", help="Optimum's models of a student; in an environment with Optimum")
    making.set_defaults(run=make)
    litert = commands.add_parser("make-litert", help="the plain LiteRT models of a student")
    litert.set_defaults(run=make_litert)
    timing = commands.add_parser("time", help="measure models in turn")
    timing.set_defaults(run=time)
    for command in (making, litert):
        command.add_argument("student", type=Path, help="a Hugging Face folder with tokenizer.json")
        command.add_argument("out", type=Path, help="the folder to write a folder for each model to")
    for command in (making, timing):
        command.add_argument("--texts", type=Path, required=True, help="a TSV file with a header")
        command.add_argument("--column", default="sentence", help="with the texts; true labels are in `label`, if any")
        command.add_argument("--cut-tokens", type=int, default=128, help="where sentences as they are, are cut")
    making.add_argument("--calibration-sentences", type=int, default=300)
    making.add_argument("--configurations", nargs="+", default=["avx512_vnni", "avx2"], help="of ORTQuantizer")
    litert.add_argument("--length", type=int, nargs="+", default=[128], help="in tokens")
    timing.add_argument("models", nargs="+", help="[NAME=]: an .onnx, .xml or .tflite file, or a folder of a model")
    timing.add_argument("--student", type=Path, required=True, help="what all are made of: its tokenizer and answers")
    timing.add_argument("--baseline", help="name of a model; the first if not given")
    timing.add_argument("--length", type=int, nargs="+", default=[32, 128], help="in tokens")
    timing.add_argument("--threads", type=int, default=1)
    timing.add_argument("--rounds", type=int, default=5)
    timing.add_argument("--sentences", type=int, default=40, help="timed in each round")
    timing.add_argument("--answers", type=int, help="how many sentences to compare answers on; all if not given")
    timing.add_argument(
        "--fixed", action="store_true", help="time this project's also prepared for these lengths alone"
    )
    timing.add_argument("--bert-base", action="store_true", help="add BERT-base in the transformers pipeline")
    return parser.parse_args()


def main() -> None:
    """Run the command that was asked for."""
    arguments = _arguments()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
