"""From utterances to outcomes: prepare, embed, score, and say what rose and fell.

Plain logic: one caller at a time for `finish`; everything else touches nothing but its work and may
run in any thread.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from emonet_edge.models.voice import VoiceEmotionModel
from emonet_edge.scores import Scores
from emonet_edge.stream.events import EmotionEvents, EventOptions
from emonet_edge.stream.outcomes import EmotionEvent, OutcomeKind, UtteranceOutcome
from emonet_edge.stream.stages import Stages, Timer
from emonet_edge.stream.voices.utterances import UtteranceJob

__all__ = ["UtteranceWork", "VoiceLane"]


@dataclass(eq=False)
class UtteranceWork:
    """A job on its way: `ready_at` is when it was known, in seconds."""

    job: UtteranceJob
    ready_at: float
    stages: Stages
    tensor: Any = None
    scores: Scores | None = field(default=None, repr=False)


class VoiceLane:
    """Scores utterances.

    Args:
        voice: the model.
        events: thresholds of a voice.
        timer: for the durations of stages.
    """

    def __init__(
        self, voice: VoiceEmotionModel, events: EventOptions, timer: Timer = time.perf_counter
    ) -> None:
        self.device = voice.device
        self._voice = voice
        self._timer = timer
        # A voice is scored every few seconds: what it says is not held up any further.
        self._events = EmotionEvents("voice", voice.heads, events.voice, hold_s=0.0)
        self._subject = -1

    def begin(self, job: UtteranceJob, now: float) -> UtteranceWork:
        """Take a job over when it becomes known."""
        return UtteranceWork(job, now, Stages(self._timer))

    def prepare(self, work: UtteranceWork, now: float) -> None:
        """Compute the spectrogram; `now` ends the waiting. Errors as in `prepare` of the model."""
        work.stages.add("wait", 1e3 * (now - work.ready_at))
        with work.stages.stage("prepare"):
            work.tensor = self._voice.prepare(work.job.waveform)

    def run(self, work: UtteranceWork) -> None:
        """Run encoder and heads; errors as in `embed` and `score` of the model."""
        with work.stages.stage("embed"):
            embedding = self._voice.embed(work.tensor)
        with work.stages.stage("score"):
            work.scores = self._voice.score(embedding)

    def finish(
        self, work: UtteranceWork, now: float
    ) -> tuple[UtteranceOutcome, list[EmotionEvent]]:
        """Return the outcome of work that has run, and its events."""
        assert work.scores is not None
        job = work.job
        with work.stages.stage("events"):
            if job.seq != self._subject:  # of an utterance whose final job never ran
                self._events.forget(self._subject)
                self._subject = job.seq
            events = self._events.update(job.seq, work.scores.values, job.end)
        return self._outcome("result", work, now, scores=work.scores), events

    def dropped(self, work: UtteranceWork, now: float, reason: str) -> UtteranceOutcome:
        """Return the outcome of work that never ran."""
        return self._outcome("dropped", work, now, reason=reason)

    def failed(self, work: UtteranceWork, now: float, error: Exception) -> UtteranceOutcome:
        """Return the outcome of work that raised."""
        return self._outcome("error", work, now, reason=f"{type(error).__name__}: {error}")

    def process(self, job: UtteranceJob, now: float) -> tuple[UtteranceOutcome, list[EmotionEvent]]:
        """Do all of it at once, in the caller's thread."""
        work = self.begin(job, now)
        try:
            self.prepare(work, now)
            self.run(work)
            return self.finish(work, now)
        except Exception as error:
            return self.failed(work, now, error), []

    def _outcome(
        self,
        kind: OutcomeKind,
        work: UtteranceWork,
        now: float,
        scores: Scores | None = None,
        reason: str = "",
    ) -> UtteranceOutcome:
        job = work.job
        return UtteranceOutcome(
            kind=kind,
            seq=job.seq,
            update=job.update,
            final=job.final,
            start=job.start,
            end=job.end,
            captured_at=job.end,
            age_ms=1e3 * (now - job.end),
            scores=scores,
            reason=reason,
            stages_ms=work.stages.to_dict(),
            device=self.device,
        )
