from collections.abc import Callable
from pathlib import Path

import pytest

from contract.errors import InputError
from distill import recipe


@pytest.mark.parametrize("name", recipe.names())
def test_every_built_in_recipe_is_valid(name: str) -> None:
    assert recipe.read(name).name == name


@pytest.mark.parametrize(
    ("override", "value_at"),
    [
        ("seed=3", lambda read: read.seed == 3),
        ("student.layers=[0, 5]", lambda read: read.student.layers == (0, 5)),
        ("stages.1.losses.labels=0.25", lambda read: read.stages[1].losses.labels == 0.25),
        ("teacher.model=some/folder", lambda read: read.teacher.model == "some/folder"),
        ('teacher.model="package:x"', lambda read: read.teacher.model == "package:x"),
        (
            "stages.0.losses.relation=1",
            lambda read: (read.stages[0].losses.relation, read.stages[0].losses.hidden) == (1, 1),
        ),
    ],
)
def test_set_changes_one_key(override: str, value_at: Callable[[recipe.Recipe], bool]) -> None:
    assert value_at(recipe.read("quickstart", (override,)))


def test_set_keeps_the_defaults_of_a_table_missing_from_the_recipe() -> None:
    general = 'general={corpus="text.txt", tokens=1000, learning_rate=1e-3}'
    losses = recipe.with_overrides(recipe.read("quickstart", (general,)), ("general.losses.attention=0.5",))
    assert losses.general is not None
    assert losses.general.losses.model_dump(exclude_defaults=True) == {"embedding": 1, "hidden": 1, "attention": 0.5}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("student.layers.0.x=3", "--set 'student.layers.0.x=3': '0' holds a value, not a table"),
        ("stages.0.epochs=1e308", "--set: 'stages.0.epochs': Input should be less than or equal to 100000"),
        (
            "student={layers=[1], embedding_width=8, pooled_after=[0]}",
            "--set: 'student': embedding_width cannot be combined with convolution_layers or pooled_after",
        ),
        ("sed=3", "--set: unknown key 'sed', did you mean 'seed'?"),
        ("teacher.epoch=3", "--set: unknown key 'teacher.epoch', did you mean 'epochs'?"),
        ("stages.0.losses.hiden=1", "--set: unknown key 'stages.0.losses.hiden', did you mean 'hidden'?"),
        ("seed", "--set 'seed' has no '=': write KEY=VALUE, such as --set seed=3"),
        ("stages.7.epochs=1", "--set 'stages.7.epochs=1': index '7' is not in the range 0 to 1"),
        ("seed.x=1", "--set 'seed.x=1': 'seed' holds a value, not a table"),
        ("teacher.learning_rate=0", "--set: 'teacher.learning_rate': Input should be greater than 0"),
        ("seed=4294967296", "--set: 'seed': Input should be less than 4294967296"),
        ("data.label_names=['a', 'a']", "--set: 'data.label_names': duplicate label: a, a"),
        ("data.label_names=['a']", "--set: classification needs at least two data.label_names"),
        (
            'metric="pearson"',
            "--set: unknown metric 'pearson' for classification, known: accuracy, matthews, f1_binary, f1_macro",
        ),
        ('task="regression"', "--set: regression uses scores: remove data.label_names, and do not use generated data"),
        ("seed='three'", "--set: 'seed': Input should be a valid integer"),
        ('student.preset="bert-2l-128d"', "--set: 'student': layers and a shape together need start = \"narrowed\""),
    ],
)
def test_set_refuses(override: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        recipe.read("quickstart", (override,))
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("quickstrat", "unknown recipe 'quickstrat', did you mean 'quickstart'?"),
        ("no/such.toml", "cannot be read as TOML"),
    ],
)
def test_read_names_the_near_miss(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        recipe.read(name)


def test_unknown_key_in_a_file_is_named_with_the_file(tmp_path: Path, recipe_file: Callable[..., Path]) -> None:
    path = recipe_file()
    path.write_text(path.read_text().replace("floor =", "flor ="))
    with pytest.raises(InputError) as error:
        recipe.read(str(path))
    assert str(error.value) == f"{path}: unknown key 'teacher.flor', did you mean 'floor'?"
