"""The application that `faust -A sentinel.app worker` runs."""

from sentinel.stream.application import SentinelApp
from sentinel.stream.environment import Environment

app = SentinelApp(Environment.read())
