"""Where pushes go: sinks behind one protocol, each with its own queue, and the way back."""
