"""Whether `tinybert tune` found the fastest of its space: every model of the space is made and judged, and all race.

    tinybert tune STUDENT… --floor teacher-1.0 --budget 15m --out TUNED
    python -m results.benchmarks.exhaustive make TUNED/ANSWER STUDENT… --floor teacher-1.0
    python -m results.benchmarks.exhaustive time TUNED/ANSWER STUDENT… --floor teacher-1.0

`make` takes hours on a small machine and may run beside other work: it times nothing. It makes every precision that the
device is fit for with every set of rewrites and every calibration, of every student in every runtime, and asks each
whether it reaches the floor. Mixed variants, which a search makes where int8 misses the floor, are left out, but for
what the search chose. `time` needs an idle machine: it runs all that reach the floor with each number of threads
and with any length or fixed ones, in rounds, together with what the search chose, and prints how much faster than that
the fastest are.
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
    """Make every model of the space, or find it made, and give those that reach the floor."""
    ledger = Ledger(arguments.tuned.parent)
    models = ModelCache(out=arguments.tuned.parent / "models", ledger=ledger, out_of_time=lambda: False)
    evaluator = Evaluator(floor=parse(arguments.floor), ledger=ledger)
    for entrant in entrants:
        for group in search_space.first_variants(profile, entrant, tuple(profile.runtimes), tuple(Precision)):
            chosen = _chosen(arguments.tuned, entrant, group.runtime)
            rewritten = [one for one in group.variants if one.precision in arguments.rewritten]
            variants = dict.fromkeys((*group.variants, *_all((*rewritten, *chosen))))
            for candidate in models.candidates(entrant, search_space.grouped_by_base(group, list(variants))):
                if reaches(evaluator, candidate):
                    yield candidate


def _all(variants: tuple[Variant, ...]) -> list[Variant]:
    """Return all variants that a search can reach from some, step by step."""
    found = dict.fromkeys(variants)
    waiting = list(variants)
    while waiting:
        new = [one for one in search_space.variants_near(waiting.pop()) if one not in found]
        found.update(dict.fromkeys(new))
        waiting += new
    return list(found)


def _chosen(tuned: Path, entrant: Entrant, runtime: RuntimeName) -> list[Variant]:
    """Return what the search chose, if it is of a student and a runtime."""
    winner = _winner(tuned)
    variant = Variant.model_validate_json(json.dumps(winner["variant"]))
    return [variant] if (winner["student"], variant.runtime) == (entrant.name, runtime) else []


def _winner(tuned: Path) -> dict[str, Any]:
    winner: dict[str, Any] | None = json.loads((tuned / ANSWER).read_text(encoding="utf-8"))["winner"]
    if winner is None:
        raise SystemExit(f"error: the search in {tuned} chose nothing")
    return winner


def reaches(evaluator: Evaluator, candidate: Candidate) -> bool:
    """Tell whether a model reaches the floor on both halves of the evaluation sentences; one that fails does not."""
    try:
        return all(half(candidate).outcome is Outcome.MET for half in (evaluator.search_half, evaluator.check_half))
    except TinybertError:
        return False


def time(arguments: argparse.Namespace, profile: Profile, right: list[Candidate]) -> None:
    """Race all ways to run the models that reach the floor, with what the search chose, and print the fastest."""
    every = {one.label: one for model in right for one in (model, *search_space.settings_near(model, profile))}
    winner = _winner(arguments.tuned)
    chosen = next((label for label, candidate in every.items() if _is(candidate, winner)), None)
    if chosen is None:
        raise SystemExit(f"error: what the search chose is none of the {len(every)} candidates: {winner}")
    pacemaker = Racer(candidate=every[chosen])
    races = Races(seed=1, racers={chosen: pacemaker}, pacemaker=pacemaker)
    races.run(every.values(), ROUNDS, lambda: False)
    order = races.ranking()
    print(f"{len(every)} ways to run {len(right)} models that reach {arguments.floor}, by time beside {chosen}:\n")
    print("| Model | ms a sentence | as long as the chosen one | rounds |\n|---|---:|---:|---:|")
    for racer in order[:SHOWN]:
        row = f"{races.latency_ns(racer) / MS:.2f} | {races.relative(racer):.3f} | {len(racer.medians_ns)}"
        print(f"| {racer.candidate.label} | {row} |")


def _is(candidate: Candidate, winner: dict[str, Any]) -> bool:
    variant = candidate.artifact.variant.model_dump(mode="json")
    own = {"student": candidate.entrant.name, "variant": variant, "threads": candidate.threads}
    return {**own, "length_buckets_tokens": list(candidate.buckets)}.items() <= winner.items()


def main() -> None:
    """Run the command that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["make", "time"])
    parser.add_argument("tuned", type=Path, help="the folder of a search's answer")
    parser.add_argument("students", nargs="+", type=Path, help="those of the search")
    parser.add_argument("--floor", required=True, help="that of the search")
    parser.add_argument(
        "--rewritten",
        nargs="+",
        type=Precision,
        choices=list(Precision),
        default=list(Precision),
        help="the others are made with the usual rewrites and calibration alone",
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
