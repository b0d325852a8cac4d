from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.latency import MINIMUM_SAMPLES, percentile, speed_up
from bench.record import Block, Machine, Record
from contract.errors import InconclusiveError
from infer.packed_array import PackedLogits
from infer.tasks import classification
from infer.worker.reply import Conditions, Memory

SAMPLES = st.lists(st.integers(1, 10**9), min_size=1, max_size=800)
CALM = Conditions(
    load_average=None,
    steal_jiffies=None,
    involuntary_switches=None,
    frequency_khz=None,
    temperature_millicelsius=None,
    throttled_bits=None,
    on_battery=None,
)
BOARD = Machine(
    model="board",
    arch="aarch64",
    isa_features=(),
    cores=4,
    memory_bytes=1,
    page_bytes=4096,
    governor=None,
    system="",
    kernel="",
    python="",
    emulated=False,
)


def make_block(infer_ns: list[int], **changes: Any) -> Block:
    block = Block(
        process_ns=1,
        import_ns=1,
        load_ns=1,
        first_infer_ns=1,
        rows=tuple(range(len(infer_ns))),
        tokenize_ns=tuple(1 for _ in infer_ns),
        infer_ns=tuple(infer_ns),
        cpu_ns=1,
        warmup_stable=True,
        threads_observed=1,
        before=CALM,
        after=CALM,
        validity="valid",
        causes=(),
    )
    return block.model_copy(update=changes)


def make_record(blocks: list[Block], **changes: Any) -> Record:
    record = Record(
        schema_version=2,
        session="one",
        measured_at="",
        command="",
        kind="artifact",
        name="made-up",
        task=classification.settings(("a", "b")),
        metric="accuracy",
        runtime="onnx",
        runtime_version="1",
        precision="fp32",
        target="laptop-x86",
        threads=1,
        model_sha256="0" * 64,
        student_sha256=None,
        parameters=None,
        size_bytes=1,
        machine=BOARD,
        blocks=tuple(blocks),
        memory=Memory(started_bytes=1, imported_bytes=1, loaded_bytes=1, peak_bytes=1, source="VmHWM"),
        outputs=PackedLogits.of(np.zeros((1, 2), dtype=np.float32)),
        examples=None,
        quality=None,
        drop=None,
        agreement={},
        statistics=None,
        validity="valid",
        causes=(),
    )
    return record.model_copy(update=changes)


@pytest.mark.parametrize(("percent", "needed"), [(50, 8), (90, 64), (95, 130), (99, 662)])
def test_a_percentile_needs_the_samples_of_early_stopping(percent: int, needed: int) -> None:
    assert percentile(list(range(1, needed)), percent) is None
    at_least = percentile(list(range(1, needed + 1)), percent)
    # With the fewest samples the slowest of all is the only safe bound.
    assert at_least == ((needed + 1) / 2 if percent == 50 else needed)


@pytest.mark.parametrize(("percent", "count", "expected"), [(90, 200, 191), (95, 200, 198), (99, 10_000, 9924)])
def test_more_samples_leave_out_more_of_the_slowest(percent: int, count: int, expected: int) -> None:
    assert percentile(list(range(1, count + 1)), percent) == expected


def test_another_percentile_has_no_rule() -> None:
    with pytest.raises(ValueError, match="percentile 42 has no rule"):
        percentile([1], 42)


@given(samples=SAMPLES)
def test_percentiles_rise_and_stay_within_the_samples(samples: list[int]) -> None:
    found = [percentile(samples, percent) for percent in MINIMUM_SAMPLES]
    known = [value for value in found if value is not None]
    assert known == sorted(known)
    assert all(min(samples) <= value <= max(samples) for value in known)


@given(samples=SAMPLES, seed=st.integers(0, 100))
def test_the_order_of_samples_does_not_matter(samples: list[int], seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(samples).tolist()
    assert percentile(shuffled, 90) == percentile(samples, 90)


@given(
    medians=st.lists(st.integers(1000, 10**7), min_size=3, max_size=20),
    factor=st.sampled_from([1, 2, 5]),
)
def test_what_disturbs_both_alike_cancels(medians: list[int], factor: int) -> None:
    base = make_record([make_block([factor * ns] * 3) for ns in medians])
    other = make_record([make_block([ns] * 3) for ns in medians])
    ratio = speed_up(base, other)
    assert ratio is not None
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((factor, factor, factor))


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), min_size=3, max_size=12))
def test_a_speed_up_lies_in_its_interval_and_turns_round(pairs: list[tuple[int, int]]) -> None:
    base = make_record([make_block([one]) for one, _ in pairs])
    other = make_record([make_block([two]) for _, two in pairs])
    there, back = speed_up(base, other), speed_up(other, base)
    assert there is not None
    assert back is not None
    assert there.low <= there.value <= there.high
    assert there.value == pytest.approx(1 / back.value)
    assert there == speed_up(base, other)


def test_invalid_blocks_and_blocks_of_other_sentences_are_no_pairs() -> None:
    blocks = [make_block([10]) for _ in range(4)]
    spoilt = [blocks[0].model_copy(update={"validity": "invalid"}), blocks[1].model_copy(update={"rows": (7,)})]
    assert speed_up(make_record(blocks), make_record([*spoilt, *blocks[2:]])) is None
    assert speed_up(make_record(blocks), make_record([spoilt[0], *blocks[1:]])) is not None


@pytest.mark.parametrize(
    "changes", [{"session": "two"}, {"machine": BOARD.model_copy(update={"kernel": "another"})}], ids=str
)
def test_what_was_not_measured_together_is_not_compared(changes: dict[str, Any]) -> None:
    blocks = [make_block([10]) for _ in range(4)]
    with pytest.raises(InconclusiveError, match="were not measured in one session on one machine"):
        speed_up(make_record(blocks), make_record(blocks, **changes))
