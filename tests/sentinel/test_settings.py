import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from alerts.model import KINDS
from sentinel.config_files import ConfigError, Problem
from sentinel.settings import default_config_dir, load_settings

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files of a user's config directory and returns it."""

    def files(**texts: str) -> Path:
        for name, text in texts.items():
            path = tmp_path / name.replace("__", "/").replace("_yaml", ".yaml").replace("_json", ".json")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        return tmp_path

    return files


def problems(directory: Path) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        load_settings(directory)
    return list(caught.value.problems)


def test_the_shipped_config_is_valid() -> None:
    settings = load_settings()
    assert settings.tick == 300
    assert settings.detectors.new.horizon == 7 * 86400
    assert settings.floors.of("住建房产/物业管理").callers == 5
    assert settings.alerts.rules.resolve_after["mass"] == 72 * 3600
    assert len(settings.streets.streets) == 36
    assert list(settings.severity.kinds) == list(KINDS)


def test_settings_are_frozen_and_survive_a_pickle() -> None:
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.tick = 1.0  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_a_directory_of_ones_own_needs_only_what_differs(write: Write) -> None:
    settings = load_settings(write(sentinel_yaml="budget: {false_alarms_per_week: 7}\n"))
    assert settings.budget.false_alarms_per_week == 7
    assert settings.budget.city_share == load_settings().budget.city_share
    assert settings.severity == load_settings().severity


def test_an_empty_file_changes_nothing(write: Write) -> None:
    assert load_settings(write(sentinel_yaml="# nothing yet\n")) == load_settings()


def test_the_nearest_topic_gives_the_floor(write: Write) -> None:
    floors = "floors:\n  topics:\n    住建房产: {callers: 9, within: 12h}\n"
    settings = load_settings(write(sentinel_yaml=floors))
    assert settings.floors.of("住建房产/物业管理").callers == 9
    assert settings.floors.of("住建房产").within == 12 * 3600
    assert settings.floors.of("").callers == 5


def test_an_unquoted_street_code_is_a_street_code(write: Write) -> None:
    settings = load_settings(write(sentinel_yaml="budget: {street_weights: {310115004: 3}}\n"))
    assert settings.budget.street_weights == {"310115004": 3}


def test_every_problem_is_told_at_once_with_its_line(write: Write) -> None:
    text = """\
tick: 5
budget: {false_alarms_per_week: -1}
detectors:
  new: {min_caller: 3}
  mass: {min_callers: 2.5}
alerts:
  grow_steps: [20, 10]
encoder: statik
timezone: Asia/Shangai
"""
    found = {problem.field: problem for problem in problems(write(sentinel_yaml=text))}
    assert {field: problem.line for field, problem in found.items()} == {
        "tick": 1,
        "budget.false_alarms_per_week": 2,
        "detectors.new.min_caller": 4,
        "detectors.mass.min_callers": 5,
        "alerts.grow_steps": 7,
        "encoder": 8,
        "timezone": 9,
    }
    assert found["tick"].fix == "write a number above 0 with its unit: 90s, 5m, 24h, 45d or 2w"
    assert found["tick"].value == "5"
    assert found["budget.false_alarms_per_week"].fix == "write a number above 0.0"
    assert found["detectors.new.min_caller"].fix == "did you mean min_callers?"
    assert "ascend" in found["alerts.grow_steps"].wrong
    assert found["detectors.mass.min_callers"].wrong == "is not a whole number"
    assert found["encoder"].fix.startswith("did you mean static?")
    assert "Asia/Shanghai" in found["timezone"].fix


@pytest.mark.parametrize(
    ("text", "wrong", "line"),
    [
        ("tick: 5m\n  x: [1\n", "is not valid YAML", 2),
        ("tick: 5m\nbudget:\n\tcity_share: 1\n", "is not valid YAML", 3),
        ("- a\n- b\n", "holds no keys", 1),
        ("tick: 5m\ntick: 6m\n", "is given twice (first on line 1)", 2),
        ("a: &x [*x]\n", "uses a YAML alias", 1),
        ("a: &x {b: 1}\nc: [*x, *x]\n", "uses a YAML alias", 1),
        ("tick: !!python/object:os.system {}\n", "is not valid YAML", 1),
    ],
)
def test_a_file_that_is_no_config_is_named_with_its_line(write: Write, text: str, wrong: str, line: int | None) -> None:
    problem = problems(write(sentinel_yaml=text))[0]
    assert problem.file.endswith("sentinel.yaml")
    assert wrong in problem.wrong
    if line is not None:
        assert problem.line == line


def test_a_duplicate_key_deep_down_is_named_in_full(write: Write) -> None:
    text = "detectors:\n  new:\n    min_callers: 3\n    min_callers: 4\n"
    (problem,) = problems(write(sentinel_yaml=text))
    assert (problem.field, problem.line) == ("detectors.new.min_callers", 4)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "severity.yaml").write_bytes("kinds: 新".encode("gb18030"))
    (problem,) = problems(tmp_path)
    assert (problem.wrong, problem.fix) == ("is not UTF-8 text", "save it as UTF-8")


def test_a_misspelt_file_name_is_not_passed_over(write: Write) -> None:
    (problem,) = problems(write(sentinal_yaml="tick: 1m\n"))
    assert problem.file.endswith("sentinal.yaml")
    assert problem.fix == "did you mean sentinel.yaml?"


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path / "nowhere")
    assert problem.wrong == "does not exist"


def test_a_city_without_a_file_lists_what_there_is(write: Write) -> None:
    (problem,) = problems(write(sentinel_yaml="city: pudongg\n"))
    assert problem.file.endswith("pudongg.json")
    assert "did you mean pudong?" in problem.fix


def test_what_one_file_says_of_another_must_exist_there(write: Write) -> None:
    text = "floors:\n  topics:\n    住建房产/物业: {callers: 3, within: 1h}\n"
    text += "budget:\n  street_weights: {'310115999': 2}\ntick: soon\n"
    tick, floor, street = problems(write(sentinel_yaml=text))
    assert tick.field == "tick"
    assert (floor.field, floor.line) == ("floors.topics.住建房产/物业", 3)
    assert floor.fix == "did you mean 住建房产/物业管理?"
    assert (street.field, street.line) == ("budget.street_weights.310115999", 5)


def test_a_broken_city_file_says_where(write: Write) -> None:
    (problem,) = problems(write(streets__pudong_json='{"city": "pudong",\n "name": }'))
    assert problem.line == 2
    assert problem.wrong.startswith("is not valid JSON")


def test_a_topic_given_twice_is_refused(write: Write) -> None:
    entry = "  - {path: a/b, words: [x], weight: 1}\n"
    found = problems(write(topics_yaml=f"topics:\n{entry}{entry}"))
    assert found[0].wrong == "lists a/b twice"


def test_every_kind_needs_a_severity(write: Write) -> None:
    (problem,) = problems(write(severity_yaml="kinds: {new: low}\nfloor: medium\n"))
    assert problem.field == "kinds"
    assert "mass" in problem.wrong


def test_the_shipped_directory_is_found() -> None:
    assert (default_config_dir() / "sentinel.yaml").is_file()


@pytest.mark.parametrize("name", ["static", "small"])
def test_an_encoder_that_ships_is_named(write: Write, name: str) -> None:
    assert load_settings(write(sentinel_yaml=f"encoder: {name}\n")).encoder == name


def test_an_encoder_of_ones_own_is_a_directory_with_a_model(write: Write, tmp_path: Path) -> None:
    model = tmp_path / "model"
    directory = write(sentinel_yaml=f"tick: 5m\nencoder: {model}\n")
    (problem,) = problems(directory)
    assert (problem.line, problem.field, problem.wrong) == (2, "encoder", "is no directory here")
    model.mkdir()
    (problem,) = problems(directory)
    assert problem.wrong == "holds no sentence-transformers model (modules.json is missing)"
    (model / "modules.json").write_text("[]")
    assert load_settings(directory).encoder == str(model)


@pytest.mark.parametrize(
    ("name", "wrong", "fix"),
    [
        ("smal", "is not an encoder that ships", "did you mean small?"),
        ("word2vec", "is not an encoder that ships", "use one of: static, small"),
        ("models/bge", "is not an absolute path", "from the root"),
        ("[small]", "is not a text", "write a text"),
    ],
)
def test_an_encoder_that_cannot_be_meant_is_told_how(write: Write, name: str, wrong: str, fix: str) -> None:
    (problem,) = problems(write(sentinel_yaml=f"encoder: {name}\n"))
    assert problem.wrong == wrong
    assert fix in problem.fix


def test_an_encoder_asked_for_takes_precedence(write: Write) -> None:
    directory = write(sentinel_yaml="encoder: static\n")
    assert load_settings(directory, encoder="small").encoder == "small"
    with pytest.raises(ConfigError) as caught:
        load_settings(directory, encoder="smal")
    assert caught.value.problems[0].value == "smal"


def test_a_route_may_name_only_what_there_is(write: Write) -> None:
    shipped = (default_config_dir() / "subscribers.yaml").read_text("utf-8")
    wrong = shipped.replace("match: {domains: conduct}", "match: {domains: conducts, topic: 公用, street: 310115999}")
    told = {problem.field.rpartition(".")[2]: problem for problem in problems(write(subscribers_yaml=wrong))}
    assert set(told) == {"domains", "topic", "street"}
    assert "did you mean conduct?" in told["domains"].fix
    assert told["topic"].line == told["street"].line == 1 + wrong[: wrong.index("conducts")].count("\n")
    assert "streets/pudong.json" in told["street"].wrong


def test_a_subscriber_that_is_not_there_is_told_with_the_known_ones(write: Write) -> None:
    shipped = (default_config_dir() / "subscribers.yaml").read_text("utf-8")
    (problem,) = problems(write(subscribers_yaml=shipped.replace("to: [supervision]", "to: [supervisor]")))
    assert "supervisor, which is no subscriber" in problem.wrong
    assert "supervision" in problem.fix


@pytest.mark.parametrize(
    ("sink", "said"),
    [
        ("{name: bot, kind: wecom, subscribers: [command-center]}", "needs url_file"),
        ("{name: bot, kind: pigeon, subscribers: [command-center]}", "not one of the known values"),
        ("{name: out, kind: file, subscribers: [x], path: /tmp/x, secret_file: /tmp/y}", "no use for secret_file"),
        ("{name: out, kind: terminal, subscribers: []}", "too few"),
    ],
)
def test_a_sink_says_what_it_needs(write: Write, sink: str, said: str) -> None:
    (problem,) = problems(write(sinks_yaml=f"sinks:\n  - {sink}\n"))
    assert said in problem.wrong
    assert problem.line == 2
