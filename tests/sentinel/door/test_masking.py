"""Masking: what must go, what must stay, and that doing it twice changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.door.masking import mask


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("请拨13812345678联系", "请拨〔电话〕联系"),
        ("138-1234-5678", "〔电话〕"),
        ("138 1234 5678", "〔电话〕"),
        ("+86 138 1234 5678", "〔电话〕"),
        ("8613812345678", "〔电话〕"),
        ("１３８１２３４５６７８", "〔电话〕"),
        ("1 3 8 1 2 3 4 5 6 7 8", "〔电话〕"),
        ("2019-07-08 09:32 13812345678", "2019-07-08 09:32 〔电话〕"),
        ("021-58881234转801", "〔电话〕"),
        ("(021)58881234", "〔电话〕"),
        ("座机：58881234", "座机：〔电话〕"),
        ("11010519491231002X", "〔身份证〕"),
        ("身份证号310115199001011233", "身份证号〔身份证〕"),
        ("身份证310115900101123", "身份证〔身份证〕"),
        ("卡号6222021001116245700", "卡号〔银行卡〕"),
        ("4111 1111 1111 1111", "〔银行卡〕"),
        ("沪A12345占道", "〔车牌〕占道"),
        ("沪A·D12345", "〔车牌〕"),
        ("沪AD12345", "〔车牌〕"),
        ("发到a.b@c.com.cn吧", "发到〔邮箱〕吧"),
        ("微信号：abc_12345", "微信号：〔账号〕"),
        ("QQ 123456789", "QQ 〔账号〕"),
        ("护照号E12345678", "护照号〔证件〕"),
        ("联系人：张三，电话021-58881234", "联系人：〔姓名〕，电话〔电话〕"),
        ("姓名：马云，", "姓名：〔姓名〕，"),
        ("我叫王小明，住在塘桥", "我叫〔姓名〕，住在塘桥"),
        ("我是李雷。", "我是〔姓名〕。"),
        ("市民王某某来电", "市民〔姓名〕来电"),
        ("李四 13812345678", "〔姓名〕 〔电话〕"),
    ],
)
def test_personal_data_is_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "潍坊路1203室，2019年，300000元",
        "拨打12345、110、95598、4008123123、962121",
        "工单编号20190708123456789",
        "310115201907081234",
        "订单号13812345678",
        "川沙路1381弄2345号5678室",
        "2019-07-08 至 2020-01-31",
        "来电人王先生反映",
        "联系人物业经理",
        "来电人于昨日，向物业反映",
        "业主付款，未向业主付租金，居民周围，业主陆续，",
        "业主委员会，居民代表，市民广场",
        "我是高桥镇居民",
        "微信支付20000元",
        "新GALAXY5手机，川A区",
        "浓度0.0213456789，价格15.5 16.5 17.5元",
    ],
)
def test_ordinary_numbers_and_words_stay(text: str) -> None:
    assert mask(text) == text


PIECES = [
    "13812345678",
    "电话",
    "联系人",
    "：",
    "王小明",
    "张三",
    " ",
    "+86",
    "0",
    "21",
    "58881234",
    "微信",
    "ab_12",
]
PIECES += [
    "〔电话〕",
    "〔姓名〕",
    "沪A",
    "12345",
    "身份证",
    "11010519491231002X",
    "@",
    "a.cn",
    "，",
    "我是",
    "6222",
    "-",
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=14).map("".join))
def test_masking_twice_is_masking_once(text: str) -> None:
    once = mask(text)
    assert mask(once) == once


@given(
    st.text(alphabet="小区停水已经三天了，。请尽快处理", max_size=20),
    st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
    st.text(alphabet="小区停水已经三天了，。请尽快处理", max_size=20),
)
def test_no_mobile_number_survives(before: str, phone: str, after: str) -> None:
    assert phone not in mask(before + phone + after)


@given(
    st.text(alphabet="小区停水噪音扰民，。！夜间施工车位0123 ", max_size=60).filter(
        lambda text: sum(map(str.isdigit, text)) < 7
    )
)
def test_texts_without_personal_data_are_untouched(text: str) -> None:
    assert mask(text) == text
