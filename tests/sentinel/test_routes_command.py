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


@pytest.mark.parametrize(("what", "field"), [("push", "push_id"), ("alert", "dedup_key"), ("action", "verb")])
def test_schemas_are_published(what: str, field: str) -> None:
    result = CliRunner().invoke(main, ["schema", what])
    assert field in json.loads(result.output)["properties"]


def test_a_token_is_shown_once_and_kept_hashed() -> None:
    result = CliRunner().invoke(main, ["token", "street-310115103", "--scopes", "read,silence"])
    token = result.stderr.rpartition(" ")[2].strip()
    grant = json.loads(result.stdout)
    assert (grant["subscriber"], grant["scopes"]) == ("street-310115103", ["read", "silence"])
    assert token
    assert token not in result.stdout
    wrong = CliRunner().invoke(main, ["token", "street-310115103", "--scopes", "all"])
    assert wrong.exit_code == 2
