"""How far a measurement can be trusted: a pure judgement of what was seen around it.

Limits are stated here once; each cause is a sentence with the number that broke it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from bench.record import Block, Validity
from infer.worker.state import Conditions

JIFFIES_PER_S = 100  # USER_HZ of every Linux this project knows
NS_PER_S = 1e9

OTHERS_LOAD = 1.0  # a whole core's worth of other programs
STEAL_SHARE = 0.01
STEAL_JIFFIES = 3  # below it, the count's own grain decides
SWITCHES_PER_S = 100.0
CPU_SHARE = 0.9  # of the wall time, at the least: while it infers, one thread always runs
SCATTER = 0.10

# https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
THROTTLED_BITS = {0: "undervoltage", 1: "clock capped", 2: "throttled", 3: "soft temperature limit"}
SINCE_BOOT_SHIFT = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What is known of one block when it is judged.

    Attributes:
        wall_ns, cpu_ns: wall and processor time of all timed inferences.
        observed_ns: time between the two looks at the conditions.
        threads: what the runtime was given.
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


def judge_block(seen: Seen) -> tuple[Validity, tuple[str, ...]]:
    """Judge one block.

    Returns:
        Its validity, and the causes, worst first.
    """
    causes = [cause for rule in RULES for cause in rule(seen)]
    causes.sort(key=lambda cause: cause.validity != "invalid")
    validity: Validity = causes[0].validity if causes else "valid"
    return validity, tuple(cause.sentence for cause in causes)


def judge_record(blocks: Sequence[Block], *, foreign: Sequence[str]) -> tuple[Validity, tuple[str, ...]]:
    """Judge all blocks of one model.

    Args:
        blocks: of one model.
        foreign: why times of this machine say nothing of the target, if they do not.

    Returns:
        `invalid` without a usable block or on a foreign machine, `degraded` when any block is or when the blocks
        differ among themselves; and the causes, each said once, with how many blocks have it.
    """
    usable = [block for block in blocks if block.validity != "invalid"]
    causes = [*foreign, *_counted(blocks), *_scatter(usable)]
    if foreign or not usable:
        return "invalid", tuple(causes or ["no block was measured"])
    return ("degraded" if causes else "valid"), tuple(causes)


def _throttled(seen: Seen) -> Iterator[Cause]:
    before, after = seen.before.throttled_bits, seen.after.throttled_bits
    if before is None or after is None:
        return
    now = before | after | ((after & ~before) >> SINCE_BOOT_SHIFT)
    names = [name for bit, name in THROTTLED_BITS.items() if now & (1 << bit)]
    if names:
        yield Cause(
            validity="invalid", sentence=f"the board was held back ({', '.join(names)}; get_throttled {after:#x})"
        )


def _load(seen: Seen) -> Iterator[Cause]:
    load = seen.before.load_average
    # The block before this one ran threads of its own, which still weigh on the last minute's average.
    if load is not None and load - seen.threads > OTHERS_LOAD:
        yield _degraded(f"other programs were running (load average {load:.1f} with {seen.threads} threads)")


def _steal(seen: Seen) -> Iterator[Cause]:
    before, after = seen.before.steal_jiffies, seen.after.steal_jiffies
    if before is None or after is None or after - before < STEAL_JIFFIES:
        return
    share = (after - before) / JIFFIES_PER_S / (seen.observed_ns / NS_PER_S * seen.cores)
    if share > STEAL_SHARE:
        yield _degraded(f"the hypervisor gave {share:.1%} of the time to others")


def _switches(seen: Seen) -> Iterator[Cause]:
    before, after = seen.before.involuntary_switches, seen.after.involuntary_switches
    if before is None or after is None or not seen.observed_ns:
        return
    rate = (after - before) / (seen.observed_ns / NS_PER_S)
    if rate > SWITCHES_PER_S:
        yield _degraded(f"the process was interrupted {rate:.0f} times a second")


def _contention(seen: Seen) -> Iterator[Cause]:
    if seen.wall_ns and seen.cpu_ns < CPU_SHARE * seen.wall_ns:
        yield _degraded(f"the process waited: {seen.cpu_ns / seen.wall_ns:.0%} of the wall time was processor time")


def _power(seen: Seen) -> Iterator[Cause]:
    if seen.governor is not None and seen.governor != "performance":
        yield _degraded(f"the frequency governor is {seen.governor}, not performance")
    if seen.before.on_battery or seen.after.on_battery:
        yield _degraded("the machine ran on battery")


def _warm_up(seen: Seen) -> Iterator[Cause]:
    if not seen.warmup_stable:
        yield _degraded("the times did not settle during warm-up")


RULES: tuple[Callable[[Seen], Iterator[Cause]], ...] = (
    _throttled,
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
    """Say each kind of cause once, by its first sentence, invalid blocks first."""
    found: dict[str, list[str]] = {}
    for block in sorted(blocks, key=lambda block: block.validity != "invalid"):
        for sentence in block.causes:
            found.setdefault(_kind(sentence), []).append(sentence)
    return [
        f"{sentences[0]} (in {len(sentences)} of {len(blocks)} blocks)" if len(blocks) > 1 else sentences[0]
        for sentences in found.values()
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
