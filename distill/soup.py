"""Several students of one start, averaged to one by their weights (Wortsman et al., Model soups, arXiv 2203.05482)."""

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


def train(start: Start, recipe: Recipe, lesson: TrainingSet, score: Score | None) -> None:
    """Train the students of a soup and leave their average in the start's model.

    All begin with the same weights: students of different starts lie in different valleys, and their mean in none.

    Args:
        start: the student before it learns.
        recipe: with a section [soup].
        lesson: what each of them trains on; the seed is the first one's.
        score: of a model on held-out rows, for a greedy soup.
    """
    soup, weights_K = recipe.soup, []
    assert soup is not None, "distil trains a student without one by itself"
    for number in range(soup.students):
        one = replace(start, model=copy.deepcopy(start.model))
        stages.train(one, recipe.stages, replace(lesson, seed=lesson.seed + number), f"student {number + 1}")
        weights_K.append(one.model.state_dict())
    if soup.kind == "uniform":
        start.model.load_state_dict(uniform(weights_K))
        return
    assert score is not None, "distil gives one for a greedy soup"

    def scored(weights: Weights) -> float:
        start.model.load_state_dict(weights)
        return score(start.model)

    weights, chosen = greedy(weights_K, scored)
    start.model.load_state_dict(weights)
    note(f"the soup is made of student {', '.join(str(number + 1) for number in chosen)} of {soup.students}")


def uniform(weights_K: Sequence[Weights]) -> Weights:
    """Return the mean of some models' weights (section 2, uniform soup); what is not a float is the first one's.

    Args:
        weights_K: of K models of one shape, by name.
    """
    return {
        name: torch.stack([weights[name] for weights in weights_K]).mean(dim=0) if first.is_floating_point() else first
        for name, first in weights_K[0].items()
    }


def greedy(weights_K: Sequence[Weights], score: Callable[[Weights], float]) -> tuple[Weights, tuple[int, ...]]:
    """Return the mean of those models that do not lower the score (section 2, Recipe 1), and their numbers.

    The best one is taken first; each of the others, from good to bad, stays if the mean with it scores at least as
    high as without.

    Args:
        weights_K: of K models of one shape, by name.
        score: of weights, on held-out rows.
    """
    scores_K = [score(weights) for weights in weights_K]
    for number, value in enumerate(scores_K):
        note(f"student {number + 1}: {value:.4f} on held-out rows")
    first, *others = sorted(range(len(weights_K)), key=lambda number: -scores_K[number])
    chosen: tuple[int, ...] = (first,)
    mixed, best = weights_K[first], scores_K[first]
    for number in others:
        tried = uniform([weights_K[one] for one in (*chosen, number)])
        value = score(tried)
        if value >= best:
            chosen, mixed, best = (*chosen, number), tried, value
    note(f"their soup: {best:.4f} on held-out rows")
    return mixed, chosen
