"""The door: what is done to every ticket before anything else sees it (callers, texts, streets)."""
