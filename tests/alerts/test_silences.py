from hypothesis import given
from hypothesis import strategies as st

from alerts.matching import Match
from alerts.silences import Silence, Silences
from tests.alerts.conftest import transition

MATCHES = st.builds(
    lambda **given: Match.model_validate({name: value for name, value in given.items() if value}),
    kind=st.sampled_from(["", "new", "mass"]),
    street=st.sampled_from(["", "310115103", "310115104"]),
    topic=st.sampled_from(["", "公用事业", "公用事业/供水", "公用事业/供电"]),
    issue_id=st.sampled_from(["", "i1", "i2"]),
    severity=st.sampled_from(["", "high", "low"]),
)
ALERTS = st.builds(
    transition,
    kind=st.sampled_from(["new", "mass"]),
    street=st.sampled_from(["310115103", "310115104"]),
    topic=st.sampled_from(["", "公用事业/供水", "公用事业/供电"]),
    issue_id=st.sampled_from(["", "i1", "i2"]),
    severity=st.sampled_from(["high", "low"]),
)


@given(st.lists(MATCHES, max_size=6), ALERTS)
def test_a_silence_is_found_exactly_if_its_matcher_holds(matches: list[Match], alert: object) -> None:
    silences = Silences()
    for number, match in enumerate(matches):
        silences.start(Silence(f"s{number}", "street-310115103", match, "李", "检修", 0.0, 9.0))
    holding = {f"s{n}" for n, match in enumerate(matches) if match.holds(alert)}  # type: ignore[arg-type]
    found = silences.holding("street-310115103", alert)  # type: ignore[arg-type]
    assert (found in holding) if holding else (found == "")
    assert silences.holding("command-center", alert) == ""  # type: ignore[arg-type]
    for number in range(len(matches)):
        silences.end(f"s{number}")
    assert len(silences) == 0
    assert silences.holding("street-310115103", alert) == ""  # type: ignore[arg-type]
    assert silences._found == {}
