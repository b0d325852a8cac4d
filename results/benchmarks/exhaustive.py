"""Check whether `tinybert tune` found the fastest model of its search space, by measuring every model of the space.

    tinybert tune STUDENT… --floor teacher-1.0 --budget 15m --out TUNED
    python -m results.benchmarks.exhaustive make TUNED/ANSWER STUDENT… --floor teacher-1.0
    python -m results.benchmarks.exhaustive time TUNED/ANSWER STUDENT… --floor teacher-1.0

`make` takes hours on a small machine, which may be busy, as nothing is timed. It makes every precision that suits the
device with every set of rewrites and every calibration, for every student in every runtime, and checks whether each
model reaches the floor. Mixed variants, which a search makes where int8 misses the floor, are left out, except the
one that the search chose. `time` needs an idle machine: it runs all models that reach the floor with each number of
threads, with any length and with fixed lengths, in rounds, together with the search's choice, and prints how much
faster the fastest models are.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contract.errors import TinybertError
from contract.lock import locked
from convert.tune import search_space
from convert.tune.answer import ANSWER
from convert.tune.candidate import Candidate
from convert.tune.entrant import Entrant, check_comparable, load_entrant
from convert.tune.evaluator import Evaluator
from convert.tune.floor import Outcome, parse
from convert.tune.ledger import Ledger
from convert.tune.model_cache import ModelCache
from convert.tune.race import Racer, Races
from infer.folders.variant import Variant
from targets.profile import Precision, Profile, RuntimeName, read

MS = 1e6
ROUNDS = 5
SHOWN = 12


def models_of(arguments: argparse.Namespace, profile: Profile, entrants: list[Entrant]) -> Iterator[Candidate]:
    """Make every model of the space, if it does not exist, and yield those that reach the floor."""
    ledger = Ledger(arguments.tuned.parent)
    models = ModelCache(out=arguments.tuned.parent / "models", ledger=ledger, out_of_time=lambda: False)
    evaluator = Evaluator(floor=parse(arguments.floor), ledger=ledger)
    for entrant in entrants:
        for group in search_space.first_variants(profile, entrant, tuple(profile.runtimes), tuple(Precision)):
            chosen = _chosen(arguments.tuned, entrant, group.runtime)
            rewritten = [variant for variant in group.variants if variant.precision in arguments.rewritten]
            variants = dict.fromkeys((*group.variants, *_all((*rewritten, *chosen))))
            for candidate in models.candidates(entrant, search_space.grouped_by_base(group, list(variants))):
                if reaches(evaluator, candidate):
                    yield candidate


def _all(variants: tuple[Variant, ...]) -> list[Variant]:
    """Return all variants that a search can reach from the given ones, step by step."""
    reached = dict.fromkeys(variants)
    waiting = list(variants)
    while waiting:
        new = [variant for variant in search_space.variants_near(waiting.pop()) if variant not in reached]
        reached.update(dict.fromkeys(new))
        waiting += new
    return list(reached)


def _chosen(tuned: Path, entrant: Entrant, runtime: RuntimeName) -> list[Variant]:
    """Return the search's choice, if it is for this student and runtime."""
    winner = _winner(tuned)
    variant = Variant.model_validate_json(json.dumps(winner["variant"]))
    return [variant] if (winner["student"], variant.runtime) == (entrant.name, runtime) else []


def _winner(tuned: Path) -> dict[str, Any]:
    winner: dict[str, Any] | None = json.loads((tuned / ANSWER).read_text(encoding="utf-8"))["winner"]
    if winner is None:
        raise SystemExit(f"error: the search in {tuned} chose nothing")
    return winner


def reaches(evaluator: Evaluator, candidate: Candidate) -> bool:
    """Return whether a model reaches the floor on both halves of the evaluation sentences; one that fails does not."""
    try:
        return all(half(candidate).outcome is Outcome.MET for half in (evaluator.search_half, evaluator.check_half))
    except TinybertError:
        return False


def time(arguments: argparse.Namespace, profile: Profile, right: list[Candidate]) -> None:
    """Time all ways to run the models that reach the floor, and the search's choice, and print the fastest."""
    candidates = {
        candidate.label: candidate
        for model in right
        for candidate in (model, *search_space.settings_near(model, profile))
    }
    winner = _winner(arguments.tuned)
    chosen = next((label for label, candidate in candidates.items() if _is(candidate, winner)), None)
    if chosen is None:
        raise SystemExit(f"error: the search's choice is not among the {len(candidates)} candidates: {winner}")
    pacemaker = Racer(candidate=candidates[chosen])
    races = Races(seed=1, racers={chosen: pacemaker}, pacemaker=pacemaker)
    races.run(candidates.values(), ROUNDS, lambda: False)
    order = races.ranking()
    print(
        f"{len(candidates)} ways to run {len(right)} models that reach {arguments.floor}; times relative to {chosen}:\n"
    )
    print("| Model | ms per sentence | time relative to the choice | rounds |\n|---|---:|---:|---:|")
    for racer in order[:SHOWN]:
        row = f"{races.latency_ns(racer) / MS:.2f} | {races.relative(racer):.3f} | {len(racer.medians_ns)}"
        print(f"| {racer.candidate.label} | {row} |")


def _is(candidate: Candidate, winner: dict[str, Any]) -> bool:
    variant = candidate.artifact.variant.model_dump(mode="json")
    settings = {"student": candidate.entrant.name, "variant": variant, "threads": candidate.threads}
    return {**settings, "length_buckets_tokens": list(candidate.buckets)}.items() <= winner.items()


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["make", "time"])
    parser.add_argument("tuned", type=Path, help="the folder of a search's result")
    parser.add_argument("students", nargs="+", type=Path, help="the students of the search")
    parser.add_argument("--floor", required=True, help="the floor of the search")
    parser.add_argument(
        "--rewritten",
        nargs="+",
        type=Precision,
        choices=list(Precision),
        default=list(Precision),
        help="precisions to make with all rewrites and calibrations; others are made with the default ones",
    )
    arguments = parser.parse_args()
    profile = read(json.loads((arguments.tuned / ANSWER).read_text(encoding="utf-8"))["target"])
    entrants = [load_entrant(folder, profile) for folder in arguments.students]
    check_comparable(entrants, parse(arguments.floor))
    with locked(arguments.tuned.parent):
        right = list(models_of(arguments, profile, entrants))
        print(f"{len(right)} models reach {arguments.floor}")
        if arguments.command == "time":
            time(arguments, profile, right)


if __name__ == "__main__":
    main()
