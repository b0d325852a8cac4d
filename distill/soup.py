"""Average the weights of several students with the same start (Wortsman et al., Model soups, arXiv 2203.05482)."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from transformers import PreTrainedModel

from contract.progress import note
from distill.recipe import Recipe
from distill.student.initialise import Start
from distill.training import stages
from distill.training.stages import TrainingSet

Weights = dict[str, Tensor]
Score = Callable[[PreTrainedModel], float]


def train(start: Start, recipe: Recipe, training_set: TrainingSet, score: Score | None) -> None:
    """Train the students of a soup and leave their average in the start's model.

    All start with the same weights: students with different starts end in different minima, and their mean in none.

    Args:
        start: the untrained student.
        recipe: recipe with a section [soup].
        training_set: what each student trains on; the seed is the first student's.
        score: function that scores a model on held-out rows, for a greedy soup.
    """
    soup, weights_K = recipe.soup, []
    assert soup is not None, "without a section [soup], distil trains a single student"
    for number in range(soup.students):
        student = replace(start, model=copy.deepcopy(start.model))
        seeded = replace(training_set, seed=training_set.seed + number)
        stages.train(student, recipe.stages, seeded, f"student {number + 1}")
        weights_K.append(student.model.state_dict())
    if soup.kind == "uniform":
        start.model.load_state_dict(uniform(weights_K))
        return
    assert score is not None, "distil gives a score for a greedy soup"

    def score_weights(weights: Weights) -> float:
        start.model.load_state_dict(weights)
        return score(start.model)

    weights, chosen = greedy(weights_K, score_weights)
    start.model.load_state_dict(weights)
    numbers = ", ".join(str(number + 1) for number in chosen)
    note(f"the soup averages student {numbers} of {soup.students}")


def uniform(weights_K: Sequence[Weights]) -> Weights:
    """Return the mean of some models' weights (section 2, uniform soup); tensors of integers are the first model's.

    Args:
        weights_K: weights of K models with the same shape, by name.
    """
    return {
        name: torch.stack([weights[name] for weights in weights_K]).mean(dim=0) if first.is_floating_point() else first
        for name, first in weights_K[0].items()
    }


def greedy(weights_K: Sequence[Weights], score: Callable[[Weights], float]) -> tuple[Weights, tuple[int, ...]]:
    """Return the mean of the models that do not lower the score (section 2, Recipe 1), and their numbers.

    The best model is taken first; each of the others, from best to worst, is added if the mean with it scores at least
    as high as without.

    Args:
        weights_K: weights of K models with the same shape, by name.
        score: function that scores weights on held-out rows.
    """
    scores_K = [score(weights) for weights in weights_K]
    for number, value in enumerate(scores_K):
        note(f"student {number + 1}: {value:.4f} on held-out rows")
    first, *others = sorted(range(len(weights_K)), key=lambda number: -scores_K[number])
    chosen: tuple[int, ...] = (first,)
    mean, best = weights_K[first], scores_K[first]
    for number in others:
        candidate = uniform([weights_K[index] for index in (*chosen, number)])
        value = score(candidate)
        if value >= best:
            chosen, mean, best = (*chosen, number), candidate, value
    note(f"their soup: {best:.4f} on held-out rows")
    return mean, chosen
