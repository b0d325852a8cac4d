from typing import Any

import pytest

from bench.record import Block, Validity
from bench.validity import Observation, block_validity, record_validity
from infer.worker.reply import Conditions

CALM = Conditions(
    load_average=1.0,
    steal_jiffies=100,
    involuntary_switches=5,
    frequency_khz=2_400_000,
    temperature_millicelsius=50_000,
    throttled_bits=0,
    on_battery=False,
)
UNKNOWN = Conditions(
    load_average=None,
    steal_jiffies=None,
    involuntary_switches=None,
    frequency_khz=None,
    temperature_millicelsius=None,
    throttled_bits=None,
    on_battery=None,
)
SECOND_NS = 10**9


def observed(before: dict[str, Any] | None = None, after: dict[str, Any] | None = None, **changes: Any) -> Observation:
    values: dict[str, Any] = {
        "before": CALM.model_copy(update=before or {}),
        "after": CALM.model_copy(update=after or {}),
        "observed_ns": 2 * SECOND_NS,
        "wall_ns": SECOND_NS,
        "cpu_ns": SECOND_NS,
        "threads": 1,
        "warmup_stable": True,
        "cores": 2,
        "governor": None,
    }
    return Observation(**{**values, **changes})


@pytest.mark.parametrize(
    "calm",
    [
        observed(),
        observed(governor="performance"),
        observed(before={"load_average": 2.0}),
        observed(before={"load_average": 4.5}, threads=4),
        observed(after={"steal_jiffies": 102}),
        observed(after={"steal_jiffies": 104}),
        observed(after={"involuntary_switches": 200}),
        observed(before={"throttled_bits": 0x50000}, after={"throttled_bits": 0x50000}),
        observed(cpu_ns=3 * SECOND_NS, threads=4),
        observed(before=UNKNOWN.model_dump(), after=UNKNOWN.model_dump()),
        observed(wall_ns=0, cpu_ns=0, observed_ns=0),
        observed(before={"asleep_ns": 5 * SECOND_NS}, after={"asleep_ns": 5 * SECOND_NS + 10_000}),
        observed(before={"asleep_ns": None}, after={"asleep_ns": 5 * SECOND_NS}),
    ],
)
def test_a_calm_machine_is_valid(calm: Observation) -> None:
    assert block_validity(calm) == ("valid", ())


@pytest.mark.parametrize(
    ("disturbed", "validity", "cause"),
    [
        (observed(after={"throttled_bits": 0x1}), "invalid", "held back (undervoltage; get_throttled 0x1)"),
        (observed(before={"throttled_bits": 0x8}), "invalid", "held back (soft temperature limit; get_throttled 0x0)"),
        (observed(after={"throttled_bits": 0x60000}), "invalid", "held back (clock capped, throttled; get_throttled"),
        (
            observed(before={"throttled_bits": 0x10000}, after={"throttled_bits": 0x50000}),
            "invalid",
            "held back (throttled; get_throttled 0x50000)",
        ),
        (observed(before={"asleep_ns": 0}, after={"asleep_ns": 2 * SECOND_NS}), "invalid", "machine slept for 2.0 s"),
        (observed(before={"load_average": 2.1}), "degraded", "load average 2.1 with 1 threads"),
        (observed(after={"steal_jiffies": 110}), "degraded", "gave 2.5% of the time to other machines"),
        (observed(after={"involuntary_switches": 405}), "degraded", "interrupted 200 times a second"),
        (observed(cpu_ns=SECOND_NS // 2), "degraded", "50% of the wall time was processor time"),
        (observed(governor="ondemand"), "degraded", "governor is ondemand, not performance"),
        (observed(after={"on_battery": True}), "degraded", "ran on battery"),
        (observed(warmup_stable=False), "degraded", "did not settle during warm-up"),
    ],
)
def test_each_disturbance_has_its_cause(disturbed: Observation, validity: str, cause: str) -> None:
    actual, causes = block_validity(disturbed)
    assert actual == validity
    assert len(causes) == 1
    assert cause in causes[0]


def test_the_worst_cause_comes_first() -> None:
    validity, causes = block_validity(observed(after={"throttled_bits": 0x4, "on_battery": True}, warmup_stable=False))
    assert validity == "invalid"
    assert len(causes) == 3
    assert "throttled" in causes[0]


def make_block(infer_ns: int = 10, validity: Validity = "valid", *causes: str) -> Block:
    return Block(
        process_ns=1,
        import_ns=1,
        load_ns=1,
        first_infer_ns=1,
        rows=(0,),
        tokenize_ns=(1,),
        infer_ns=(infer_ns,),
        cpu_ns=1,
        warmup_stable=True,
        threads_observed=None,
        before=UNKNOWN,
        after=UNKNOWN,
        validity=validity,
        causes=causes,
    )


@pytest.mark.parametrize(
    ("blocks", "mismatches", "expected"),
    [
        ([make_block()] * 3, (), ("valid", ())),
        ([make_block(100), make_block(110)], (), ("valid", ())),
        ([make_block(100), make_block(120)], (), ("degraded", ("the medians of the blocks differ by 18%",))),
        ([make_block(), make_block(10, "degraded", "hot 3%")], (), ("degraded", ("hot 3% (in 1 of 2 blocks)",))),
        (
            [make_block(10, "degraded", "hot 3%"), make_block(10, "invalid", "cut", "hot 45%"), make_block()],
            (),
            ("degraded", ("cut (in 1 of 3 blocks)", "hot 45% (in 2 of 3 blocks)")),
        ),
        ([make_block(10, "invalid", "cut")] * 2, (), ("invalid", ("cut (in 2 of 2 blocks)",))),
        ([make_block(10), make_block(999, "invalid", "cut")], (), ("degraded", ("cut (in 1 of 2 blocks)",))),
        ([make_block()] * 2, ("measured elsewhere",), ("invalid", ("measured elsewhere",))),
        ([], (), ("invalid", ("no block was measured",))),
    ],
)
def test_each_cause_is_stated_once(blocks: list[Block], mismatches: tuple[str, ...], expected: tuple[str, Any]) -> None:
    assert record_validity(blocks, mismatches=mismatches) == expected
