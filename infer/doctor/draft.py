"""Drafts a device profile from what the doctor saw on this machine, for a human to complete."""

import json
import re
import tomllib
from collections.abc import Iterable
from datetime import date
from glob import escape
from pathlib import Path

from contract.errors import InputError, WorkerError
from contract.files import write_atomic
from contract.strict import parse
from infer.doctor.report import Report
from infer.doctor.trial import Tried
from infer.runtimes import RUNTIMES
from targets.doctor import Installed, installed_version
from targets.profile import Arch, Profile, names, read

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MIB = 2**20
# Limits that a human should decide on; the quality drop is that of this profile.
LIKE = "laptop-x86"
LATENCY_NS = 100_000_000
MEMORY_SHARE = 4
SIZE_BYTES = 64 * MIB

TEMPLATE = """\
# {title}, as tinybert doctor saw it on {day}.
# To complete: the sources at the end (a data sheet, a measurement), and the limits in [budget].
schema_version = 1
name = {name}
title = {title_text}
# Patterns for the names that such devices report; without any, a device is recognised by its processor alone.
models = [{model}]
arch = {arch}
# All that this machine has; keep those that all such devices have.
isa_features = {features}
# All that this machine has; take that of the smallest such device.
memory_bytes = {memory}
threads = {threads}
# Padded lengths for formats with static shapes; the last should hold your longest texts.
length_buckets_tokens = [16, 32, 64, 128]

# What ran here and answered as it should; tinybert convert --offers lists more precisions.
{failures}[runtimes]
{runtimes}

# To decide: what your application needs.
[budget]
latency_p90_ns = {latency}
peak_memory_bytes = {peak}
size_bytes = {size}

# How much worse than its teacher a student may be, in each metric.
[budget.quality_drop]
{drops}

{requires}[sources]
models = {seen}
arch = {seen}
isa_features = {seen}
memory_bytes = {seen}
threads = {seen}
length_buckets_tokens = "own decision: powers of two, so that padding costs less than twice the work"
runtimes = {seen}
"budget.latency_p90_ns" = "to decide: one sentence within 100 ms feels instantaneous (Nielsen, 1993)"
"budget.peak_memory_bytes" = "to decide: a quarter of the memory"
"budget.size_bytes" = "to decide: 64 MiB"
"budget.quality_drop" = "to decide: as in {like}"
"""

REQUIREMENT = """\
[[requires]]
name = {name}
specifier = {specifier}
reason = "the version that ran here"
source = {seen}

"""


def check_name(name: str) -> None:
    """Check the name of a new profile.

    Raises:
        InputError: it is not one, or a profile of this project has it.
    """
    if not NAME.fullmatch(name):
        raise InputError(f"{name!r} is no name of a target", "use small letters, digits and hyphens, as in my-board")
    if name in names():
        raise InputError(f"{name!r} is a target of this project", "choose another name")


def write(report: Report, name: str, path: Path, installed: Installed = installed_version) -> Profile:
    """Write a valid profile of this machine, in the place of a file that is there.

    Args:
        report: what the doctor found.
        name: the profile's name.
        path: the file to write.
        installed: returns the version of an installed distribution, or None.

    Raises:
        InputError: this kind of machine cannot be a target.
        WorkerError: no runtime works, so no student could run.
    """
    arch = report.facts.arch
    if arch not in list(Arch):
        raise InputError(f"no target can be {arch}", f"known: {', '.join(Arch)}")
    text = _text(report, name, installed)
    profile = parsed(text, str(path))
    write_atomic(path, text)
    return profile


def parsed(text: str, source: str) -> Profile:
    """Return the profile of a draft.

    Raises:
        InputError: it is not valid.
    """
    return parse(Profile, tomllib.loads(text), source)


def _text(report: Report, name: str, installed: Installed) -> str:
    facts = report.facts
    model = _printable(facts.model) or facts.arch
    usable = [tried for tried in report.runtimes if tried.precisions]
    if not usable:
        raise WorkerError("no runtime works on this machine", "see tinybert doctor")
    day = date.today().isoformat()
    seen = _quoted(f"to replace: seen by tinybert doctor on {day}")
    drops = read(LIKE).budget.quality_drop
    return TEMPLATE.format(
        title=model,
        day=day,
        name=_quoted(name),
        title_text=_quoted(model),
        model=_quoted(escape(model)),
        arch=_quoted(facts.arch),
        features=_list(facts.isa_features),
        memory=f"{facts.memory_bytes:_}",
        threads=facts.cores,
        failures="".join(_failures(report)),
        runtimes="\n".join(f"{tried.runtime} = {_list(tried.precisions)}" for tried in usable),
        latency=f"{LATENCY_NS:_}",
        peak=f"{facts.memory_bytes // MEMORY_SHARE:_}",
        size=f"{SIZE_BYTES:_}",
        drops="\n".join(f"{metric} = {limit:g}" for metric, limit in drops.items()),
        requires="".join(_requirement(tried, seen, installed) for tried in usable),
        seen=seen,
        like=LIKE,
    )


def _failures(report: Report) -> list[str]:
    """Return comments on the models that did not run."""
    errors = [it for tried in report.runtimes for it in tried.findings if it.severity == "error"]
    return [f"# Not {_printable(f'{it.subject}: {it.cause}')}\n" for it in errors]


def _requirement(tried: Tried, seen: str, installed: Installed) -> str:
    """Return the requirement of the distribution that a runtime was imported from, the first of those installed."""
    for name in RUNTIMES[tried.runtime].extras:
        version = installed(name)
        if version is not None:
            specifier = f">={version.partition('+')[0]}"
            return REQUIREMENT.format(name=_quoted(name), specifier=_quoted(specifier), seen=seen)
    return ""


def _quoted(text: str) -> str:
    """Return a printable text as a TOML string, which for such a text is written as in JSON."""
    return json.dumps(text, ensure_ascii=False)


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())
