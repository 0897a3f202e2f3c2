"""Two saved measurements side by side: what changed, what differs besides, what is forbidden."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, TypeAlias

from emonet_edge.bench.conditions import Condition
from emonet_edge.bench.figures import compared

Record: TypeAlias = Mapping[str, Any]

# Where figures depend on more than the program: a difference in these is said aloud.
_CIRCUMSTANCES = {
    "CPU": ("machine", "cpu"),
    "usable CPUs": ("machine", "cpus"),
    "memory": ("machine", "memory_bytes"),
    "system": ("machine", "system"),
    "governor": ("machine", "governor"),
    "isa": ("machine", "isa"),
    "emonet_edge": ("machine", "versions", "emonet_edge"),
    "OpenVINO": ("machine", "versions", "openvino"),
    "Python": ("machine", "versions", "python"),
    "model": ("model_sha256",),
    "suite": ("suite",),
    "synthetic weights": ("synthetic",),
    "input": ("input",),
    "number of heads": ("heads", "count"),
    "heads' precision": ("heads", "precision"),
    "device used": ("encoder", "used"),
    "device's name": ("encoder", "device_name"),
    "precision hint": ("encoder", "precision_hint"),
    "threads": ("encoder", "threads"),
    "cores": ("encoder", "cores"),
    "batch": ("encoder", "batch"),
    "runs": ("runs",),
    "warm-up runs": ("warmup",),
    "cold result from the disk": ("first", "cold_dropped"),
    "cache of the cold result": ("compile", "cold_cache"),
    "cache of the warm result": ("compile", "warm_cache"),
}


@dataclass(frozen=True)
class Pair:
    """The same model and device in both files, both measured."""

    name: str
    old: Record
    new: Record

    @property
    def figures(self) -> dict[str, tuple[float | None, float | None]]:
        """By key: old and new value, in the order of a table."""
        old, new = compared(self.old), compared(self.new)
        return {key: (old[key], new[key]) for key in old}

    @property
    def differences(self) -> list[str]:
        """What differs besides the program's speed, one line each."""
        return [
            f"{word}: {_show(before)} before, {_show(after)} now"
            for word, path in _CIRCUMSTANCES.items()
            if (before := _at(self.old, path)) != (after := _at(self.new, path))
        ]


@dataclass
class Comparison:
    """`lost`: measured before and not now. `added`: the reverse. `held`: conditions that hold.

    `undecided`: conditions on figures that a file lacks, with the reason. `unapplied`: conditions
    that could be decided for no pair at all.
    """

    pairs: list[Pair] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    unapplied: list[str] = field(default_factory=list)


def compare(
    old: Sequence[Record], new: Sequence[Record], conditions: Sequence[Condition] = ()
) -> Comparison:
    """Match the records of two files and apply conditions.

    Records match by modality and device: the same model first (by the hash of its files), then the
    same directory name, then the only one left on each side.
    """
    result = Comparison()
    unmatched, left = list(old), list(new)
    for alike in (_same_hash, _same_name):
        _match(unmatched, left, result, alike)
    _match_rest(unmatched, left, result)
    order = [id(record) for record in old]
    result.pairs.sort(key=lambda pair: order.index(id(pair.old)))
    result.lost += [_lost(record) for record in unmatched if record["status"] == "measured"]
    result.added += [_name(record) for record in left if record["status"] == "measured"]
    for condition in conditions:
        _apply(condition, result)
    return result


def _match(
    unmatched: list[Record],
    left: list[Record],
    result: Comparison,
    alike: Callable[[Record, Record], bool],
) -> None:
    for record in list(unmatched):
        for other in left:
            if _place(other) == _place(record) and alike(record, other):
                unmatched.remove(record)
                _pair(record, other, left, result)
                break


def _match_rest(unmatched: list[Record], left: list[Record], result: Comparison) -> None:
    """Match a model of another name if it is the only one of its place on both sides."""
    for record in list(unmatched):
        others = [other for other in left if _place(other) == _place(record)]
        rivals = [other for other in unmatched if _place(other) == _place(record)]
        if len(others) == 1 == len(rivals):
            unmatched.remove(record)
            _pair(record, others[0], left, result)


def _pair(old: Record, new: Record, left: list[Record], result: Comparison) -> None:
    left.remove(new)
    states = (old["status"] == "measured", new["status"] == "measured")
    if states == (True, True):
        result.pairs.append(Pair(_name(new), old, new))
    elif states == (True, False):
        result.lost.append(f"{_name(new)}: measured before, now {new['status']}{_why(new)}")
    elif states == (False, True):
        result.added.append(f"{_name(new)}: {old['status']} before{_why(old)}")


def _apply(condition: Condition, result: Comparison) -> None:
    answers = []
    for pair in result.pairs:
        old, new = pair.figures[condition.key]
        answer = condition.holds(old, new)
        answers.append(answer)
        if answer:
            values = f"{_figure(old)} before, {_figure(new)} now"
            result.held.append(f"{pair.name}: {condition.text} holds: {condition.key} {values}")
        elif answer is None:
            why = "; ".join(_missing(pair, condition, old, new)) or "the old value is 0"
            result.undecided.append(f"{pair.name}: {condition.text} cannot be told: {why}")
    if all(answer is None for answer in answers):
        result.unapplied.append(condition.text)


def _missing(
    pair: Pair, condition: Condition, old: float | None, new: float | None
) -> Iterator[str]:
    for word, record, value in (("old", pair.old, old), ("new", pair.new, new)):
        if value is None:
            yield f"the {word} file has no {condition.key}{_why_missing(record, condition.key)}"


def _why_missing(record: Record, key: str) -> str:
    if key == "joules":
        reason = _at(record, ("energy", "reason"))
    elif key == "first_cold_s":
        reason = _at(record, ("first", "cold_note"))
    else:
        reason = _at(record, ("unsupported", key.partition(".")[2]))
    return f" ({reason})" if isinstance(reason, str) and reason else ""


def _place(record: Record) -> tuple[str, str]:
    return record["modality"], record["device"]


def _same_hash(one: Record, other: Record) -> bool:
    return one.get("model_sha256") is not None and one["model_sha256"] == other.get("model_sha256")


def _same_name(one: Record, other: Record) -> bool:
    return PurePath(one["model"]).name == PurePath(other["model"]).name


def _name(record: Record) -> str:
    return f"{record['modality']} {PurePath(record['model']).name} on {record['device']}"


def _lost(record: Record) -> str:
    return f"{_name(record)}: measured before, not in the new file"


def _why(record: Record) -> str:
    reason = record.get("reason")
    return f" ({reason})" if isinstance(reason, str) and reason else ""


def _at(record: Any, path: Sequence[str]) -> Any:
    for key in path:
        record = record.get(key) if isinstance(record, Mapping) else None
    return record


def _show(value: Any) -> str:
    return "not known" if value is None else str(value)


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"
