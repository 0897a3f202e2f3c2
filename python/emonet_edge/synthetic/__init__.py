"""Model directories with seeded random weights in the true architecture.

They load, run and cost what real ones do, so speed, memory and deployment can be tried before
anything is downloaded. Their scores mean nothing, and everything that prints them says so.
`demo_material` has a picture and clips made in code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emonet_edge._lazy import lazy_names

if TYPE_CHECKING:
    from emonet_edge.synthetic import demo_material
    from emonet_edge.synthetic.write import write_face_model, write_voice_model

_HOMES = {"write_face_model": "write", "write_voice_model": "write"}

__all__ = ["demo_material", "write_face_model", "write_voice_model"]

__getattr__, __dir__ = lazy_names(__name__, _HOMES, ["demo_material"])
