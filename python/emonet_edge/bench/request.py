"""What is to be measured: one frozen object, handed to the measuring process as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Request:
    """One model directory on one device.

    After `warmup` untimed runs, runs are timed until there are `runs` of them or `seconds` have
    passed, whichever is first (None: no such end; one of them is needed); time does not end them
    before there are `at_least` so many. `heads` are a subset for a voice, None is all. `batch`
    inputs make one run. `first_only` ends after the first result, and `drop_pages` asks the system
    to forget the model's files before.
    """

    model: str
    modality: str
    device: str = "AUTO"
    threads: int | None = None
    cores: str | None = None
    heads: tuple[str, ...] | None = None
    precision_hint: str | None = None
    batch: int = 1
    runs: int | None = 20
    seconds: float | None = None
    at_least: int = 1
    warmup: int = 3
    first_only: bool = False
    drop_pages: bool = False

    def to_json(self) -> str:
        """For the command line of the measuring process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Request:
        """Read what `to_json` wrote."""
        fields = json.loads(text)
        heads = fields.pop("heads")
        return cls(**fields, heads=tuple(heads) if heads else None)
