"""Camera and microphone to a steady stream of emotion outcomes and events, in this process."""
