"""Model directories with seeded random weights in the true architecture.

They load, run and cost what real ones do, so speed, memory and deployment can be tried before
anything is downloaded. Their scores mean nothing, and everything that prints them says so.
"""

from __future__ import annotations

from emonet_edge.synthetic.write import write_face_model, write_voice_model

__all__ = ["write_face_model", "write_voice_model"]
