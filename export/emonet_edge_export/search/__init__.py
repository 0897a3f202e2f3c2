"""The recipe search: what of an encoder runs in INT8, and how each part of it is quantized.

`parts` finds what can be quantized, `statistics` looks at its inputs, `fit` chooses SmoothQuant
strength and range part by part, `place` builds the quantized model, `trial` measures agreement and
latency, `front` keeps what was measured, `run` searches within a time budget.

NNCF serves the named recipes (`encoder.quantize`) and weight compression, the fallback. The search
places quantizers of its own, because it needs what NNCF does not offer: one calibration for
hundreds of candidates, a strength and a range for each part, SmoothQuant between queries and keys.
NNCF's `quantize_with_accuracy_control` reverts layers by accuracy alone and quantizes anew for each
recipe; the search weighs the error of a part against the time it saves.
"""
