import json

import pytest
from click.testing import CliRunner

from sentinel.cli import main


def run(alert: object, *more: str, code: int = 0) -> str:
    text = alert if isinstance(alert, str) else json.dumps(alert, ensure_ascii=False)
    result = CliRunner().invoke(main, ["routes", "test", text, *more], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


def test_it_says_who_is_told_by_which_route_and_what_they_see() -> None:
    text = run({"kind": "mass", "street": "310115103"})
    assert "command-center" in text
    assert "street-310115103" in text
    assert "a matter for a leader" in text
    rescue = run({"kind": "urgent"})
    row = next(line for line in rescue.splitlines() if "emergency" in line)
    assert "kind=urgent" in row
    assert "callers" in row
    assert "keywords" not in row


def test_it_says_who_may_not_see_it_and_why_not() -> None:
    text = run({"kind": "bounced", "restricted": True, "domains": ["conduct"], "withheld": ["T1"], "withheld_count": 5})
    assert "may not see it: street-" in text
    assert "yes: discipline" in text


def test_a_handlers_own_alert() -> None:
    text = run({"kind": "overdue", "scope": "handler", "handlers": ["区水务局"], "street": ""})
    assert "handler-" in text
    assert "street-" not in text.partition("every route")[0]


@pytest.mark.parametrize(
    ("alert", "said"),
    [("{kind", "is not JSON"), ("[1]", "no object"), ({"kind": "newish"}, "field kind"), ({"handlers": 3}, "handlers")],
)
def test_what_is_no_alert_is_refused(alert: object, said: str) -> None:
    assert said in run(alert, code=2)
