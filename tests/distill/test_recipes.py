"""The recipes of Chinese data sets, with generated rows in the files and columns they name and a small teacher."""

import random
from pathlib import Path

import pytest
import torch
from transformers import BertModel

from distill import recipe
from distill.distil import distil
from distill.prepare import prepare
from distill.recipe import Recipe
from infer.folders.student import read_evaluation, read_student
from tests import tiny

SIGNS = "天地人山水火木金土日月星风雨花草鸟鱼书画车船酒茶东南西北春夏秋冬好坏大小新旧快慢高低多少"
CHINESE = ("chnsenticorp", "lcqmc", "news_ner_zh", "thucnews", "tnews")
ROWS = {"train": 60, "validation": 30}


@pytest.fixture(scope="session")
def chinese_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder of twelve narrow layers, as many as the recipes' students choose from, that reads sign by sign."""
    folder = tmp_path_factory.mktemp("chinese")
    pieces = (*tiny.SPECIAL, *SIGNS)
    torch.manual_seed(0)
    config = tiny.config(
        vocab_size=len(pieces),
        hidden_size=16,
        num_hidden_layers=12,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=256,
    )
    BertModel(config).save_pretrained(folder)
    tiny.tokenizer(pieces, like_bert=True).save_pretrained(folder)
    return folder


def write_data(document: Recipe, folder: Path) -> Path:
    """Write a recipe's files with columns in the order of its keys and the labels by name."""
    chance = random.Random(0)
    data, names = document.data, document.data.label_names
    columns = [data.label, data.text, *filter(None, [data.text_pair])]
    folder.mkdir()
    for split, name in (("train", data.train), ("validation", data.validation)):
        if data.format == "conll":
            signs = [f"{chance.choice(SIGNS)}\t{names[row % len(names)]}" for row in range(8 * ROWS[split])]
            sentences = ["\n".join(signs[start : start + 8]) for start in range(0, len(signs), 8)]
            (folder / name).write_text("\n\n".join(sentences) + "\n", encoding="utf-8")
            continue
        lines = ["\t".join(columns)]
        for row in range(ROWS[split]):
            texts = ["".join(chance.choices(SIGNS, k=chance.randint(4, 12))) for _ in columns[1:]]
            lines.append("\t".join([names[row % len(names)], *texts]))
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", CHINESE)
def test_a_chinese_recipe_distils(name: str, tmp_path: Path, chinese_encoder: Path) -> None:
    document = recipe.read(name)
    data = write_data(document, tmp_path / "data")
    # Sixty rows of no meaning teach nothing: what is tested is that the recipe fits its data and its teacher.
    changes = ["teacher.floor=0", "teacher.epochs=1", "stages.0.epochs=1", "stages.1.epochs=1"]
    prepared = prepare(name, data, str(chinese_encoder), None, changes)
    _, student = distil(*prepared, tmp_path / "out")
    evaluation = read_evaluation(student)
    assert len(evaluation.student) == ROWS["validation"]
    assert evaluation.student.logits.values.shape[1] == len(document.data.label_names)
    assert read_student(student).shape.startswith("4 layers of 16")
    assert bool(evaluation.tokens.types_T.any()) == bool(document.data.text_pair)
    assert (evaluation.tokens.ids_T != tiny.SPECIAL.index("[UNK]")).all()


def test_the_chinese_recipes_are_all_tried() -> None:
    theirs = [name for name in recipe.names() if recipe.read(name).teacher.model == "google-bert/bert-base-chinese"]
    assert tuple(theirs) == CHINESE
