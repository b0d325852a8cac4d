"""Token classification from data to report: joining and aligning words, all kinds of tokenizers, a small run."""

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModelForTokenClassification, PreTrainedTokenizerFast

from bench.record import Record
from contract import ragged
from contract.errors import InputError
from contract.strict import read_json
from distill import tasks
from distill.data.dataset import load
from distill.data.rows import Rows, Splits
from distill.data.tokenise import tokenise
from distill.distil import distil
from distill.prepare import prepare
from distill.recipe.data import Data
from distill.tasks.detokenise import detokenise
from infer.folders.artifact import read_artifact
from infer.folders.student import read_evaluation, read_student, read_teacher
from infer.outputs import UNLABELLED
from infer.tasks import evaluate, token_classification

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
TEXTS = (
    "Frau Dr. Weiß-Müller aus Zürich lacht .",
    "U.N. official Rolf Ekeus heads for Baghdad",
    "他在北京NBA工作",
    "a b",
)
WORD = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=6)


def _trained(tokenizer: Tokenizer, trainer: trainers.Trainer, special: tuple[str, str]) -> PreTrainedTokenizerFast:
    tokenizer.train_from_iterator(TEXTS * 4, trainer)
    first, last = special
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in special],
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]")


def wordpiece() -> PreTrainedTokenizerFast:
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    return _trained(made, trainers.WordPieceTrainer(vocab_size=120, special_tokens=special), ("[CLS]", "[SEP]"))


def byte_level() -> PreTrainedTokenizerFast:
    made = Tokenizer(models.BPE(unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["[PAD]", "[UNK]", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=alphabet)
    return _trained(made, trainer, ("<s>", "</s>"))


def unigram() -> PreTrainedTokenizerFast:
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["[PAD]", "[UNK]", "<s>", "</s>"]
    trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=special, unk_token="[UNK]")
    return _trained(made, trainer, ("<s>", "</s>"))


TOKENIZERS = {"WordPiece": wordpiece(), "byte-level BPE": byte_level(), "unigram": unigram()}


def rows_of(*sentences: list[tuple[str, int]]) -> Rows:
    joined = [detokenise([word for word, _ in sentence]) for sentence in sentences]
    tags = [np.array([tag for _, tag in sentence]) for sentence in sentences]
    return Rows(
        texts=tuple(sentence.text for sentence in joined),
        pairs=None,
        labels=ragged.from_rows(tags, like=np.empty(0, np.int64)),
        words=ragged.from_rows([sentence.spans_W2 for sentence in joined], like=np.empty((0, 2), np.int64)),
    )


@given(st.lists(WORD, min_size=1, max_size=8))
def test_spans_give_the_words(words: list[str]) -> None:
    sentence = detokenise(words)
    assert [sentence.text[start:end] for start, end in sentence.spans_W2] == words


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["EU", "rejects", "German", "call"], "EU rejects German call"),
        (list("他在北京NBA"), "他在北京NBA"),
        (["我们", "爱", "New", "York", "城"], "我们爱New York城"),
        (["東京", "タワー"], "東京タワー"),
    ],
)
def test_words_are_joined_to_natural_text(words: list[str], text: str) -> None:
    assert detokenise(words).text == text


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("text", TEXTS)
def test_each_word_is_labelled_at_its_first_piece(name: str, text: str) -> None:
    tokenizer = TOKENIZERS[name]
    words = list(text) if not text.isascii() and " " not in text else text.split()
    rows = rows_of([(word, number + 1) for number, word in enumerate(words)])
    labels = tasks.get("token_classification").labels(rows, tokenizer, 64)
    assert len(labels.values) == len(tokenise(tokenizer, rows, 64).ids_T)
    assert rows.words is not None
    spans = tokenizer(rows.texts[0], return_offsets_mapping=True)["offset_mapping"]
    aligned = labels.values[labels.values != UNLABELLED].tolist()
    assert aligned == sorted(set(aligned))
    assert aligned[0] == 1
    for token in np.flatnonzero(labels.values != UNLABELLED):
        start, end = rows.words.row(0)[labels.values[token] - 1]
        assert spans[token][0] < end
        assert spans[token][1] > start
        assert not any(start < before[1] <= spans[token][0] for before in spans[:token])
    if " " in text:
        assert len(aligned) == len(words)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_labels_of_words_that_are_cut_off_are_kept(name: str) -> None:
    words = [("a", 1), ("b", 2)] * 10
    labels = tasks.get("token_classification").labels(rows_of(words), TOKENIZERS[name], 6)
    tokens = tokenise(TOKENIZERS[name], rows_of(words), 6)
    assert labels.values[labels.values != UNLABELLED].tolist() == [tag for _, tag in words]
    assert len(labels.values) > len(tokens.ids_T)


def write(path: Path, sentences: list[list[tuple[str, str]]], separator: str = "\t") -> None:
    lines = ["\n".join(f"{word}{separator}{tag}" for word, tag in sentence) for sentence in sentences]
    path.write_text("-DOCSTART- -X- O O\n\n" + "\n\n".join(lines) + "\n", encoding="utf-8")


def load_files(folder: Path, **changes: object) -> Splits:
    names = {"format": "conll", "train": "train.tsv", "validation": "dev.tsv", "label_names": TAGS}
    return load(Data.model_validate({**names, **changes}), folder, 0, "token_classification")


@pytest.mark.parametrize("separator", ["\t", " ", " NN I-NP "])
def test_files_of_words_are_read(tmp_path: Path, separator: str, capsys: pytest.CaptureFixture[str]) -> None:
    sentences = [[("Rolf", "B-PER"), ("left", "O")], [("in", "O"), ("Rome", "I-LOC")]]
    for name in ("train.tsv", "dev.tsv"):
        write(tmp_path / name, sentences, separator)
    train = load_files(tmp_path).train
    assert train.texts == ("Rolf left", "in Rome")
    assert [row.tolist() for row in train.labels] == [[1, 0], [0, 4]]
    assert "1 I- tags do not continue a span of their type; each starts a new span" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Rolf\tB-PER\nleft\n", "{file}:2: no tag for 'left': write a word and its tag on each line"),
        ("Rolf\tB-PER\nleft\t\n", "{file}:2: no tag for 'left': write a word and its tag on each line"),
        (
            "a\tO\n\nin\tO\nRolf\tB-PRE\n",
            "{file}:4: unknown tag 'B-PRE', did you mean 'B-PER'?: known: 0 O, 1 B-PER, 2 I-PER, 3 B-LOC, 4 I-LOC",
        ),
        ("Rolf\t7\n", "{file}:1: unknown tag '7': known: 0 O, 1 B-PER, 2 I-PER, 3 B-LOC, 4 I-LOC"),
        (
            "a\tO\nb\tO\n",
            "{file}: all words in 1 rows have the tag 'O': a split needs sentences with tagged words",
        ),
        ("\n\n", "{file}: no rows: a split needs sentences with tagged words"),
        ("a\0\tO\n", "{file}:1: a NUL in 'text': save the file as UTF-8 text"),
    ],
)
def test_files_that_cannot_be_used_are_refused(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path / "train.tsv", [[("Rolf", "B-PER")]])
    (tmp_path / "dev.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_files(tmp_path)
    assert str(error.value) == message.format(file=tmp_path / "dev.tsv")


def test_lists_of_words_and_tags_are_read(tmp_path: Path) -> None:
    for name in ("train.jsonl", "dev.jsonl"):
        (tmp_path / name).write_text('{"tokens": ["Rolf", "left"], "ner_tags": [1, 0]}\n', encoding="utf-8")
    changes = {"format": "jsonl", "train": "train.jsonl", "validation": "dev.jsonl"}
    splits = load_files(tmp_path, text="tokens", label="ner_tags", **changes)
    assert splits.train.labels.row(0).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (
            "[1]",
            "'tokens' and 'ner_tags' are not lists of equal length: "
            "give a list of words and a list of their tags, or a file in the format conll",
        ),
        ("[1, null]", "no tag: give one of: 0 O, 1 B-PER, 2 I-PER, 3 B-LOC, 4 I-LOC"),
        ('[1, ""]', "no tag: give one of: 0 O, 1 B-PER, 2 I-PER, 3 B-LOC, 4 I-LOC"),
        ("[1, -100]", "unknown tag '-100': known: 0 O, 1 B-PER, 2 I-PER, 3 B-LOC, 4 I-LOC"),
        ('[1, "o"]', "unknown tag 'o': known: 0 O, 1 B-PER, 2 I-PER, 3 B-LOC, 4 I-LOC"),
    ],
)
def test_lists_of_tags_that_cannot_be_used_are_refused(tmp_path: Path, tags: str, message: str) -> None:
    (tmp_path / "train.jsonl").write_text(f'{{"tokens": ["Rolf", "left"], "ner_tags": {tags}}}\n', encoding="utf-8")
    changes = {"format": "jsonl", "train": "train.jsonl", "validation": "train.jsonl"}
    with pytest.raises(InputError) as error:
        load_files(tmp_path, text="tokens", label="ner_tags", **changes)
    assert str(error.value) == f"{tmp_path / 'train.jsonl'}:1: {message}"


RECIPE = """
schema_version = 1
name = "names"
task = "token_classification"
seed = 1
max_length_tokens = 16
calibration_sentences = 32

[data]
format = "conll"
train = "train.tsv"
validation = "dev.tsv"
label_names = ["O", "B-PER", "I-PER"]

[teacher]
model = {model}
epochs = 20
learning_rate = 3e-3
floor = 0.9

[student]
layers = [1]

[[stages]]
name = "prediction"
epochs = 20
learning_rate = 3e-3
losses = {{ hidden = 1.0, prediction = 1.0, labels = 0.5 }}
"""


def write_names(folder: Path) -> Path:
    """Write sentences in which `good` and `fine` are names, and a `film` after a name belongs to it."""
    chance = random.Random(0)
    folder.mkdir()
    for name, count in (("train.tsv", 240), ("dev.tsv", 40)):
        sentences = []
        for _ in range(count):
            words = [chance.choice(("good", "bad", "film", "the", "fine", "was")) for _ in range(chance.randint(3, 9))]
            named = [word in ("good", "fine") for word in words]
            belongs = [word == "film" and index > 0 and named[index - 1] for index, word in enumerate(words)]
            tags = [
                "B-PER" if begins else "I-PER" if continues else "O"
                for begins, continues in zip(named, belongs, strict=True)
            ]
            sentences.append(list(zip(words, tags, strict=True)))
        write(folder / name, sentences)
    return folder


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory,
    encoder_folder: Path,
    run_process: Callable[[list[str]], subprocess.CompletedProcess[str]],
) -> Path:
    """Teacher, student, artifacts, records and report; tests/convert has the exports of all runtimes."""
    folder = tmp_path_factory.mktemp("names")
    recipe = folder / "names.toml"
    recipe.write_text(RECIPE.format(model=f'"{encoder_folder}"'), encoding="utf-8")
    teacher, student = distil(*prepare(str(recipe), write_names(folder / "data"), None, None, None), folder)
    artifacts = [str(folder / "artifacts" / "laptop-x86" / f"onnx-{precision}") for precision in ("fp32", "int8")]
    onnx = ["--target", "laptop-x86", "--runtime", "onnx", "--out", str(folder / "artifacts")]
    quick = ["--blocks", "1", "--sentences", "8", "--student", str(student)]
    for arguments in (
        ["convert", str(student), *onnx],
        ["bench", str(teacher), *artifacts, *quick, "--out", str(folder / "results")],
        ["report", str(folder / "results"), "--out", str(folder / "report.html")],
    ):
        result = run_process(arguments)
        assert result.returncode == 0, result.stderr
    return folder


def test_a_student_learns_names(finished: Path) -> None:
    (student,), (teacher,) = finished.glob("student-*"), finished.glob("teacher-*")
    evaluation = read_evaluation(student)
    settings = token_classification.Settings(tags=("O", "B-PER", "I-PER"))
    assert read_student(student).task == settings
    assert evaluation.student.logits.values.shape == (len(evaluation.tokens.ids_T), 3)
    assert evaluate.value(settings, "f1", evaluation.student, evaluation.labels) > 0.9
    assert read_teacher(teacher).validation_scores["f1"] > 0.9
    assert AutoModelForTokenClassification.from_pretrained(student).config.id2label[1] == "B-PER"
    assert "pipeline_tag: token-classification" in (student / "README.md").read_text()


def test_every_artifact_answers_as_the_student_and_is_judged_by_f1(finished: Path) -> None:
    artifacts = [read_artifact(path.parent) for path in finished.glob("artifacts/*/*/artifact.json")]
    assert {artifact.variant.name for artifact in artifacts} == {"onnx-fp32", "onnx-int8"}
    for artifact in artifacts:
        assert artifact.parity.agreement > 0.9
        assert artifact.quality.metric == "f1"
        assert artifact.quality.value.value > 0.9
    records = [read_json(path, Record) for path in finished.glob("results/*/*.json")]
    assert len(records) == len(artifacts) + 1
    for record in records:
        assert record.quality is not None
        assert set(record.quality) == {"f1", "precision", "recall"}
        assert record.quality["f1"].value > 0.9
        assert record.examples == 40


def test_the_report_shows_f1(finished: Path) -> None:
    report = (finished / "REPORT.md").read_text()
    heading = next(line for line in report.splitlines() if line.startswith("| Model | Runtime"))
    assert "| F1" in heading
    assert "Accuracy" not in report


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data.text_pair=other", "--set: token_classification does not support data.text_pair"),
        ("augmentation={}", "--set: token_classification does not support augmentation"),
        ("student.convolution_layers=[0]", "--set: token_classification does not support student.convolution_layers"),
        ('data.label_names=["B-PER", "I-PER"]', "--set: data.label_names must list the tags, including 'O'"),
        ("metric=accuracy", "--set: unknown metric 'accuracy' for token_classification, known: f1, precision, recall"),
    ],
)
def test_settings_for_whole_texts_are_refused(finished: Path, change: str, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}$"):
        prepare(str(finished / "names.toml"), finished / "data", None, None, [change])
