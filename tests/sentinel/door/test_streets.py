"""The street resolver on Pudong's streets, and city files of others."""

import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sentinel.door.streets import PARTITIONS, UNKNOWN, City, Street, StreetResolver

CITIES = Path(__file__).parents[3] / "config" / "streets"
PUDONG = StreetResolver(City.load(CITIES / "pudong.json"))
OPEN = StreetResolver(City.load(CITIES / "open.json"))
WEIFANG, CHUANSHA, GAOQIAO, SANLIN = "310115004", "310115103", "310115104", "310115130"


@pytest.mark.parametrize(
    "written",
    [
        "潍坊新村街道",
        "潍坊新村",
        "潍坊街道",
        "潍坊",
        "310115004",
        "310115004000",
        "310115004002",
        "３１０１１５００４",
        " 潍坊 新村 街道 ",
        "上海市浦东新区潍坊新村街道",
        "潍坊新村街道办事处",
        "潍坊二村居委会",
        "潍坊新村街道潍坊二村",
    ],
)
def test_the_street_field(written: str) -> None:
    assert PUDONG.resolve(written, "", "", "") == WEIFANG


@pytest.mark.parametrize("street", PUDONG.city.streets, ids=lambda street: street.pinyin)
def test_every_street_by_every_name(street: Street) -> None:
    for name in (street.name, street.code, *street.aliases, *street.weak):
        assert PUDONG.resolve(name, "", "", "") == street.code, name
        assert PUDONG.resolve(f" {name}", "", "", "") == street.code, name
    assert PUDONG.resolve("", "", f"来电人住在{street.name}，反映停水", "") == street.code


@pytest.mark.parametrize(
    ("address", "text", "code"),
    [
        ("潍坊二村12号", "", WEIFANG),
        ("浦东新区潍坊2村12号", "", WEIFANG),
        ("", "潍坊六村停水", WEIFANG),
        ("", "潍坊十村居委会不作为", WEIFANG),  # its two committees are 潍坊十村第一 and 第二
        ("", "潍坊二村居民区停水", WEIFANG),
        ("浦东新区三林 128弄", "", SANLIN),
        ("", "川沙一小区停水", CHUANSHA),
        ("", "六灶镇河道发臭", CHUANSHA),
        ("", "祝桥村道路破损", "310115133"),  # a village of 新场镇, not of 祝桥镇
        ("", "新场镇果园村村委会", "310115133"),
        ("合庆镇果园村", "", "310115110"),
        ("高桥镇某路", "高东镇和高桥镇交界", GAOQIAO),
    ],
)
def test_address_and_text(address: str, text: str, code: str) -> None:
    assert PUDONG.resolve("", address, text, "") == code


@pytest.mark.parametrize(
    ("street", "address", "text"),
    [
        ("", "张江路100号", ""),
        ("", "唐镇路8号", ""),
        ("", "", "川沙路上路灯坏了"),
        ("", "", "高桥立交桥下堵车"),
        ("", "", "三林路积水，高科东路也是"),
        ("", "", "陆家嘴物业服务差"),
        ("", "", "提高行政效率，大团圆，书院，花木被毁，创新场景，新农村建设，楼下村民"),
        ("", "", "东南居委会"),
        ("", "", "果园村村委会"),
        ("", "", "高桥镇和高东镇交界处"),
        ("", "高桥镇与高东镇之间", "高桥镇停水"),
        ("黄浦区外滩街道", "高桥镇", ""),
        ("310101002", "高桥镇", ""),
        ("", "", ""),
    ],
)
def test_what_is_not_certain_is_unknown(street: str, address: str, text: str) -> None:
    assert PUDONG.resolve(street, address, text, "") == UNKNOWN


def test_an_empty_street_field_leaves_it_to_the_text() -> None:
    assert PUDONG.resolve("其他", "", "川沙新镇停水", "") == CHUANSHA
    assert PUDONG.resolve("浦东新区", "", "停水", "川沙新镇停水") == CHUANSHA


@given(st.text(max_size=40), st.text(alphabet="潍坊二村川沙新镇高桥东居委会路街道果园城南浦 ", max_size=40))
def test_it_always_answers_with_a_street_of_the_city(first: str, second: str) -> None:
    codes = {street.code for street in PUDONG.city.streets} | {UNKNOWN}
    assert PUDONG.resolve(first, second, first, second) in codes
    assert pickle.loads(pickle.dumps(PUDONG)).resolve("", second, first, "") == PUDONG.resolve("", second, first, "")


def test_pudong_is_complete() -> None:
    streets = PUDONG.city.streets
    assert len(streets) == 36
    assert sum(street.name.endswith("街道") for street in streets) == 12
    assert len({PUDONG.partition(street.code) for street in streets} | {PUDONG.partition(UNKNOWN)}) == 37


def test_an_open_city_takes_streets_as_given() -> None:
    assert OPEN.resolve(" Ａ3区 ", "", "", "") == "A3区"
    assert OPEN.resolve("", "", "A市A2区停水", "A3区某路") == "A3区"
    assert OPEN.resolve("", "", "A市A7县停水", "") == "A7县"
    assert OPEN.resolve("", "", "A2区和A3区交界", "") == UNKNOWN
    assert (OPEN.name("A3区"), OPEN.name(UNKNOWN)) == ("A3区", "街镇不详")
    assert 0 <= OPEN.partition("A3区") < PARTITIONS


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"streets": []}, "has no streets"),
        ({"open": True, "pattern": "("}, "no regular expression"),
        ({"open": True, "pattern": "(a)(b)"}, "more than one group"),
        ({"pattern": "a"}, "open city only"),
        ({"extra": 1}, "Extra inputs"),
        ({"district_code": "310101"}, "outside the district"),
    ],
)
def test_a_wrong_city_file_says_what_is_wrong(tmp_path: Path, change: dict[str, object], words: str) -> None:
    city = {
        "city": "xx",
        "name": "某市",
        "streets": [{"code": "310115004", "name": "潍坊新村街道", "partition": 0}],
    }
    file = tmp_path / "city.json"
    file.write_text(json.dumps({**city, **change}), encoding="utf-8")
    with pytest.raises(ValidationError, match=words):
        City.load(file)


def test_one_name_for_two_streets_is_refused() -> None:
    streets = [{"code": f"31011500{n}", "name": f"街镇{n}", "aliases": ["老街"], "partition": n} for n in (1, 2)]
    with pytest.raises(ValidationError, match="name 老街 for both"):
        City.model_validate({"city": "xx", "name": "某市", "streets": streets})


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (["街镇2"], [], "街镇1 touches 街镇2, but not the other way round"),
        (["街镇1"], [], "街镇1 touches 街镇1, which is no other street"),
        (["街镇9"], [], "街镇1 touches 街镇9, which is no other street"),
    ],
)
def test_streets_touch_each_other_or_not_at_all(first: list[str], second: list[str], words: str) -> None:
    streets = [
        {"code": f"31011500{n}", "name": f"街镇{n}", "partition": n, "touches": touches}
        for n, touches in ((1, first), (2, second))
    ]
    with pytest.raises(ValidationError, match=words):
        City.model_validate({"city": "xx", "name": "某市", "streets": streets})


def test_every_street_of_pudong_touches_some() -> None:
    touching = PUDONG.city.touching
    assert touching.keys() == {street.code for street in PUDONG.city.streets}
    assert all(1 <= len(others) <= 9 for others in touching.values())
    reached, new = set(), {"310115104"}
    while new:
        reached |= new
        new = {other for street in new for other in touching[street]} - reached
    assert len(reached) == 36
