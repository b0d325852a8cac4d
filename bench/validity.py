"""How far a measurement can be trusted: a pure function of the conditions around it.

All limits are here; each cause is a sentence with the number that exceeded one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from bench.record import Block, Validity
from infer.worker.reply import Conditions

JIFFIES_PER_S = 100  # USER_HZ of every Linux this project knows
NS_PER_S = 1e9

OTHER_LOAD = 1.0  # a whole core's worth of other programs
STEAL_SHARE = 0.01
STEAL_JIFFIES = 3  # fewer are within the resolution of the counter
SWITCHES_PER_S = 100.0
CPU_SHARE = 0.9  # smallest share of the wall time: during inference one thread always runs
SCATTER = 0.10
SLEEP_NS = 50_000_000  # the clocks are read one after the other, so they differ by less without any sleep

# https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
THROTTLED_BITS = {0: "undervoltage", 1: "clock capped", 2: "throttled", 3: "soft temperature limit"}
SINCE_BOOT_SHIFT = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """The conditions under which one block was measured.

    Attributes:
        wall_ns, cpu_ns: wall and processor time of all timed inferences.
        observed_ns: time between reading `before` and `after`.
        threads: number of threads that the runtime was given.
    """

    before: Conditions
    after: Conditions
    observed_ns: int
    wall_ns: int
    cpu_ns: int
    threads: int
    warmup_stable: bool
    cores: int
    governor: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """Why a block is not valid."""

    validity: Literal["degraded", "invalid"]
    sentence: str


def block_validity(observation: Observation) -> tuple[Validity, tuple[str, ...]]:
    """Return the validity of one block, and the causes, worst first."""
    causes = [cause for rule in RULES for cause in rule(observation)]
    causes.sort(key=lambda cause: cause.validity != "invalid")
    validity: Validity = causes[0].validity if causes else "valid"
    return validity, tuple(cause.sentence for cause in causes)


def record_validity(
    blocks: Sequence[Block], *, mismatches: Sequence[str], doubts: Sequence[str] = ()
) -> tuple[Validity, tuple[str, ...]]:
    """Return the validity of all blocks of one model.

    Args:
        blocks: the model's blocks.
        mismatches: why times from this machine do not apply to the target; empty if they do.
        doubts: what else speaks against the times.

    Returns:
        `invalid` without a usable block or on a machine that is not the target, `degraded` if any block is, if the
        blocks differ from each other or if there is a doubt; and the causes, each stated once, with the number of
        blocks that have it.
    """
    usable = [block for block in blocks if block.validity != "invalid"]
    causes = [*mismatches, *doubts, *_counted(blocks), *_scatter(usable)]
    if mismatches or not usable:
        return "invalid", tuple(causes or ["no block was measured"])
    return ("degraded" if causes else "valid"), tuple(causes)


def _throttled(observation: Observation) -> Iterator[Cause]:
    before, after = observation.before.throttled_bits, observation.after.throttled_bits
    if before is None or after is None:
        return
    now = before | after | ((after & ~before) >> SINCE_BOOT_SHIFT)
    names = [name for bit, name in THROTTLED_BITS.items() if now & (1 << bit)]
    if names:
        yield Cause(
            validity="invalid", sentence=f"the board was held back ({', '.join(names)}; get_throttled {after:#x})"
        )


def _sleep(observation: Observation) -> Iterator[Cause]:
    before, after = observation.before.asleep_ns, observation.after.asleep_ns
    if before is None or after is None or after - before < SLEEP_NS:
        return
    yield Cause(validity="invalid", sentence=f"the machine slept for {(after - before) / NS_PER_S:.1f} s")


def _load(observation: Observation) -> Iterator[Cause]:
    load = observation.before.load_average
    # The threads of the previous block still count in the last minute's average.
    if load is not None and load - observation.threads > OTHER_LOAD:
        yield _degraded(f"other programs were running (load average {load:.1f} with {observation.threads} threads)")


def _steal(observation: Observation) -> Iterator[Cause]:
    before, after = observation.before.steal_jiffies, observation.after.steal_jiffies
    if before is None or after is None or after - before < STEAL_JIFFIES:
        return
    share = (after - before) / JIFFIES_PER_S / (observation.observed_ns / NS_PER_S * observation.cores)
    if share > STEAL_SHARE:
        yield _degraded(f"the hypervisor gave {share:.1%} of the time to other machines")


def _switches(observation: Observation) -> Iterator[Cause]:
    before, after = observation.before.involuntary_switches, observation.after.involuntary_switches
    if before is None or after is None or not observation.observed_ns:
        return
    rate = (after - before) / (observation.observed_ns / NS_PER_S)
    if rate > SWITCHES_PER_S:
        yield _degraded(f"the process was interrupted {rate:.0f} times a second")


def _contention(observation: Observation) -> Iterator[Cause]:
    if observation.wall_ns and observation.cpu_ns < CPU_SHARE * observation.wall_ns:
        yield _degraded(
            f"the process waited: {observation.cpu_ns / observation.wall_ns:.0%} of the wall time was processor time"
        )


def _power(observation: Observation) -> Iterator[Cause]:
    if observation.governor is not None and observation.governor != "performance":
        yield _degraded(f"the frequency governor is {observation.governor}, not performance")
    if observation.before.on_battery or observation.after.on_battery:
        yield _degraded("the machine ran on battery")


def _warm_up(observation: Observation) -> Iterator[Cause]:
    if not observation.warmup_stable:
        yield _degraded("the times did not settle during warm-up")


RULES: tuple[Callable[[Observation], Iterator[Cause]], ...] = (
    _throttled,
    _sleep,
    _contention,
    _steal,
    _load,
    _switches,
    _warm_up,
    _power,
)


def _degraded(sentence: str) -> Cause:
    return Cause(validity="degraded", sentence=sentence)


def _counted(blocks: Sequence[Block]) -> list[str]:
    """Return the first sentence of each kind of cause with its number of blocks, invalid blocks first."""
    by_kind: dict[str, list[str]] = {}
    for block in sorted(blocks, key=lambda block: block.validity != "invalid"):
        for sentence in block.causes:
            by_kind.setdefault(_kind(sentence), []).append(sentence)
    return [
        f"{sentences[0]} (in {len(sentences)} of {len(blocks)} blocks)" if len(blocks) > 1 else sentences[0]
        for sentences in by_kind.values()
    ]


def _kind(sentence: str) -> str:
    """Return a cause without its numbers."""
    return "".join(character for character in sentence.partition("(")[0] if character not in "0123456789.%")


def _scatter(blocks: Sequence[Block]) -> list[str]:
    medians = [median(block.infer_ns) for block in blocks if block.infer_ns]
    if len(medians) < 2:
        return []
    scatter = (max(medians) - min(medians)) / median(medians)
    return [f"the medians of the blocks differ by {scatter:.0%}"] if scatter > SCATTER else []
