"""Pictures of scores: the look they share, an annotated picture, a timeline."""
