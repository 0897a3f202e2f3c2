"""What is to be measured: one frozen object, handed to the measuring process as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Request:
    """One model directory on one device.

    `runs` are timed after `warmup` untimed ones; `heads` are a subset for a voice, None is all.
    """

    model: str
    modality: str
    device: str = "AUTO"
    threads: int | None = None
    heads: tuple[str, ...] | None = None
    runs: int = 20
    warmup: int = 3

    def to_json(self) -> str:
        """For the command line of the measuring process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Request:
        """Read what `to_json` wrote."""
        fields = json.loads(text)
        heads = fields.pop("heads")
        return cls(**fields, heads=tuple(heads) if heads else None)
