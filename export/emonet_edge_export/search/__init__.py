"""The recipe search: what of an encoder runs in INT8, and how each part of it is quantized.

`parts` finds what can be quantized, `statistics` looks at its inputs, `fit` chooses SmoothQuant
strength and range part by part, `place` builds the quantized model, `trial` measures agreement and
latency, `front` tells which of the measured are worth anything. `run` is the search itself, within
a `budget`: `look`, `aim`, `walk` and `prove` are its steps, `lab` is what they share, `candidates`
what they have measured.

NNCF serves the named recipes (`encoder.quantize`) and weight compression, the fallback. The search
places quantizers of its own, because it needs what NNCF does not offer: one calibration for
hundreds of candidates, a strength and a range for each part, SmoothQuant between queries and keys.
NNCF's `quantize_with_accuracy_control` reverts layers by accuracy alone and quantizes anew for each
recipe; the search weighs the error of a part against the time it saves.
"""
