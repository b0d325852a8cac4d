"""`load(folder)("text")`: the answers of every artifact, pack and model folder, and what it refuses."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

import pytest
from transformers import AutoTokenizer, pipeline

from infer.texts import LIMIT_CHARACTERS, Text
from tests.students import build
from tinybert_edge import Entity, InputError, Label, Predictor, Score, load

VARIANTS = [f"{runtime}-{precision}" for runtime in ("onnx", "openvino", "tflite") for precision in ("fp32", "int8")]
TEXTS: list[Text] = ["ba de fi", "go", "bar fen gil ka lo mu na per", ("ru sa", "te bi do"), "Unknown, words"]
LONG = " ".join(["ba", "fen"] * 50)


def texts_of(text: Any) -> Any:
    return {"text": text[0], "text_pair": text[1]} if isinstance(text, tuple) else text


def tokenizer_of(folder: Path) -> Any:
    """The folder's tokenizer, giving token types, without which the pipeline takes a pair for one text."""
    names = ["input_ids", "token_type_ids", "attention_mask"]
    return AutoTokenizer.from_pretrained(folder, model_input_names=names)


@pytest.fixture(scope="module")
def loaded(artifacts: Path) -> Iterator[Callable[[str], Predictor]]:
    """Each artifact, loaded once."""
    kept: dict[str, Predictor] = {}

    def get(variant: str) -> Predictor:
        return kept.setdefault(variant, kept.get(variant) or load(artifacts / variant))

    yield get
    for predictor in kept.values():
        predictor.close()


@pytest.fixture(scope="module")
def expected(student: Path) -> list[dict[str, float]]:
    """The scores that transformers' own pipeline gives."""
    tokenizer = tokenizer_of(student)
    classify: Any = pipeline("text-classification", model=str(student), tokenizer=tokenizer, top_k=None, device=-1)
    answers = [classify(texts_of(text), truncation=True, max_length=24) for text in [*TEXTS, LONG]]
    return [
        {each["label"]: each["score"] for each in (answer[0] if isinstance(answer[0], list) else answer)}
        for answer in answers
    ]


@pytest.mark.parametrize("variant", VARIANTS)
def test_answers_are_those_of_transformers(
    loaded: Callable[[str], Predictor], expected: list[dict[str, float]], variant: str
) -> None:
    near = 1e-4 if variant.endswith("fp32") else 0.1  # without VNNI, sums of 8-bit products saturate
    for text, scores in zip([*TEXTS, LONG], expected, strict=True):
        answer = loaded(variant)(text)
        assert isinstance(answer, Label)
        assert answer.scores == pytest.approx(scores, abs=near)
        assert (answer.label, answer.score) == next(iter(answer.scores.items()))
        assert answer.score == max(answer.scores.values())


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_list_is_answered_in_its_order(loaded: Callable[[str], Predictor], variant: str) -> None:
    alone = [loaded(variant)(text) for text in TEXTS]
    assert loaded(variant)(TEXTS) == alone
    assert list(loaded(variant).stream(iter(TEXTS))) == alone
    assert loaded(variant)([]) == []


@pytest.mark.parametrize("variant", ["onnx-fp32", "openvino-fp32", "tflite-fp32"])
@pytest.mark.parametrize("batch_size", [2, 3, 100])
def test_batches_give_the_same_answers(loaded: Callable[[str], Predictor], variant: str, batch_size: int) -> None:
    together = loaded(variant)(TEXTS * 40, batch_size=batch_size)
    for answer, alone in zip(together, loaded(variant)(TEXTS) * 40, strict=True):
        assert answer.scores == pytest.approx(alone.scores, abs=1e-5)


def test_a_pair_may_be_written_as_transformers_does(loaded: Callable[[str], Predictor]) -> None:
    predictor = loaded("onnx-fp32")
    assert predictor({"text": "ru", "text_pair": "te"}) == predictor(("ru", "te")) != predictor("ru")
    assert predictor({"text": "ru"}) == predictor("ru")


def test_a_pack_answers_as_its_folder_does(packed: Path, loaded: Callable[[str], Predictor]) -> None:
    with load(packed) as predictor:
        unpacked = predictor.model.folder
        assert predictor(TEXTS) == loaded("onnx-int8")(TEXTS)
        assert unpacked.is_dir()
    assert not unpacked.exists()


def test_a_student_answers_in_pytorch(student: Path, expected: list[dict[str, float]]) -> None:
    with load(student) as predictor:
        for text, scores in zip([*TEXTS, LONG], expected, strict=True):
            assert predictor(text).scores == pytest.approx(scores, abs=1e-5)


def test_scores_are_numbers(scorer: Path) -> None:
    tokenizer = tokenizer_of(scorer)
    rate: Any = pipeline(
        "text-classification", model=str(scorer), tokenizer=tokenizer, function_to_apply="none", device=-1
    )
    with load(scorer) as predictor:
        for text in TEXTS:
            answer, expected = predictor(text), rate(texts_of(text))
            assert isinstance(answer, Score)
            (expected,) = expected if isinstance(expected, list) else [expected]
            assert answer.score == pytest.approx(expected["score"], abs=1e-5)


@pytest.mark.parametrize("aggregation", ["none", "simple", "first", "average", "max"])
def test_entities_are_those_of_transformers(tagger: Path, aggregation: str) -> None:
    tag: Any = pipeline("token-classification", model=str(tagger), aggregation_strategy=aggregation, device=-1)
    with load(tagger, aggregation=aggregation) as predictor:
        for text in TEXTS:
            if not isinstance(text, str):
                continue
            answers = predictor(text)
            assert all(isinstance(answer, Entity) for answer in answers)
            wanted = [(each.get("entity_group", each.get("entity")), each["start"], each["end"]) for each in tag(text)]
            assert [(answer.entity_group, answer.start, answer.end) for answer in answers] == wanted
            assert all(text[answer.start : answer.end] == answer.word for answer in answers)


def test_texts_that_were_cut_are_counted(artifacts: Path) -> None:
    with load(artifacts / "onnx-int8") as predictor:
        predictor(["ba", LONG, "de"])
        assert (predictor.answered, predictor.cut) == (3, 1)


def test_threads_share_a_model(loaded: Callable[[str], Predictor]) -> None:
    for variant in ("onnx-int8", "openvino-int8", "tflite-int8"):
        predictor = loaded(variant)
        alone = predictor(TEXTS)
        with ThreadPoolExecutor(8) as pool:
            assert all(answers == alone for answers in pool.map(predictor, [TEXTS] * 40))


def test_a_closed_model_says_so(artifacts: Path) -> None:
    with load(artifacts / "onnx-int8", threads=1) as predictor:
        assert repr(predictor) == "<Predictor classification, onnx, 1 thread>"
    predictor.close()
    with pytest.raises(RuntimeError, match=r"^the predictor is closed$"):
        predictor("ba")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "text: empty: give it at least one word"),
        (" \n", "text: empty: give it at least one word"),
        ("a\0b", "text: contains a NUL character: decode it as UTF-8 text"),
        ("a\ud800", "text: contains a lone surrogate at character 1: decode it as UTF-8 text"),
        ("x" * 2**20, f"text: 1,048,576 characters, the limit is {LIMIT_CHARACTERS:,}: split it"),
        (("ba", ""), "text: empty: give it at least one word"),
        (["ba", ""], "text 1: empty: give it at least one word"),
    ],
)
def test_texts_that_are_refused(loaded: Callable[[str], Predictor], text: Any, message: str) -> None:
    with pytest.raises(InputError) as error:
        loaded("onnx-int8")(text)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "text: expected a str or a pair (str, str), got NoneType"),
        (b"ba", "text: expected a str or a pair (str, str), got bytes"),
        (3, "text: expected a str or a pair (str, str), got int"),
        (("ba",), "text: expected a str or a pair (str, str), got tuple of 1"),
        (("ba", 2), "text: expected a str, got int"),
        ({"text": "ba", "pair": "de"}, "text: expected a str or a pair (str, str), got dict"),
        (["ba", None], "text 1: expected a str or a pair (str, str), got NoneType"),
    ],
)
def test_types_that_are_refused(loaded: Callable[[str], Predictor], text: Any, message: str) -> None:
    with pytest.raises(TypeError) as error:
        loaded("onnx-int8")(text)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threads": 0}, "threads=0: give a number from 1 to 1024"),
        ({"threads": 10**8}, "threads=100000000: give a number from 1 to 1024"),
        ({"aggregation": "simple"}, "classification has no setting 'aggregation': leave it out"),
        ({"labels": ["a"]}, "classification has no setting 'labels': leave it out"),
    ],
)
def test_arguments_that_are_refused(artifacts: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        load(artifacts / "onnx-int8", **arguments)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"agregation": "simple"}, "token_classification has no setting 'agregation', did you mean 'aggregation'?"),
        ({"aggregation": "some"}, "token_classification: 'aggregation': "),
    ],
)
def test_a_setting_of_names_is_checked(tagger: Path, setting: dict[str, str], message: str) -> None:
    with pytest.raises(InputError) as error:
        load(tagger, **setting)  # type: ignore[arg-type]  # a setting, not threads
    assert str(error.value).startswith(message)


def test_a_file_that_was_changed_is_refused(artifacts: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(artifacts / "onnx-int8", tmp_path / "onnx-int8"))
    model = folder / "model.onnx"
    data = bytearray(model.read_bytes())
    data[-1] ^= 1
    model.write_bytes(data)
    with pytest.raises(InputError) as error:
        load(folder)
    assert str(error.value).startswith(f"{model}: its SHA-256 is not the one of its manifest")


def test_an_archive_that_was_packed_again_is_refused(packed: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.zip"
    with ZipFile(packed) as old, ZipFile(again, "w") as new:
        for name in old.namelist():
            new.writestr(ZipInfo(name, date_time=(2001, 2, 3, 4, 5, 6)), old.read(name))
    with pytest.raises(InputError, match="was not written by tinybert pack"):
        load(again)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    for path, cause in ((tmp_path, "has no artifact.json"), (tmp_path / "none", "missing or not a regular file")):
        with pytest.raises(InputError, match=cause):
            load(path)


def test_the_first_import_is_light() -> None:
    code = "import sys, tinybert_edge; assert dir(tinybert_edge); print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(result.stdout.split()) & {"numpy", "pydantic", "typer", "torch"}


def test_a_process_that_answers_imports_neither_torch_nor_transformers(artifacts: Path) -> None:
    code = (
        "import sys, json, dataclasses; from tinybert_edge import load\n"
        "answer = load(sys.argv[1])('ba de')\n"
        "print(json.dumps([dataclasses.asdict(answer), sorted(sys.modules)]))"
    )
    command = [sys.executable, "-c", code, str(artifacts / "onnx-int8")]
    answer, modules = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert answer == asdict(load(artifacts / "onnx-int8")("ba de"))
    assert not set(modules) & {"torch", "transformers", "datasets", "typer", "rich", "sklearn", "scipy", "openvino"}


@pytest.mark.parametrize("document", ["README.md", "docs/prediction.md"])
def test_the_python_of_the_documents_runs(
    artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, document: str
) -> None:
    shutil.copytree(artifacts / "onnx-int8", tmp_path / "onnx-int8")
    (tmp_path / "reviews.txt").write_text("ba de\nfi\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[2] / document).read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block, {})


@pytest.mark.slow
def test_500_texts_are_answered_as_transformers_does(tmp_path: Path) -> None:
    """Not in the ordinary set: the same comparison, of more texts."""
    folder = build(tmp_path / "student")
    classify: Any = pipeline("text-classification", model=str(folder), device=-1)
    words = [f"{front}{back}" for front in "bdfgklmnprst" for back in "aeiou"]
    texts = [" ".join(words[(7 * row + 3 * word) % 60] for word in range(row % 18 + 1)) for row in range(500)]
    with load(folder) as predictor:
        wanted = classify(texts, truncation=True, max_length=24)
        for answer, expected in zip(predictor(texts), wanted, strict=True):
            assert answer.label == expected["label"]
            assert answer.score == pytest.approx(expected["score"], abs=1e-5)
