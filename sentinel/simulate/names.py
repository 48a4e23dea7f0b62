"""Invented names of Pudong: estates, roads, companies, schools, shops, with the ways people say them.

The characters names are made of come in two disjoint halves, chosen by the seed, so that no name of a test
seed occurs under a tuning seed.
"""

from typing import Final, NamedTuple

from sentinel.simulate.chance import Chance

TEST_SEEDS_FROM: Final = 1000
"""Seeds below tune, seeds from here on test; see `half_of`."""

_FIRST: Final = (
    "锦丽瑞金华康龙凤海银玉天云星明春秋和安泰富盛兴永福吉祥嘉佳景秀翠碧绿青兰桂荷梅松竹柳枫桐榆杏樱桃莲菊芳馨香"
    "雅悦欣怡逸宁静恒鼎鸿宏博远达通顺昌隆茂源泉清溪虹霞晨曦凌岚峰尚品御汇尊崇仁德信义礼智"
)
_SECOND: Final = (
    "澜湾庭辉晖韵璟樾翔腾骏麒泽润沁霖汀洲屿荟萃菁晟昊轩宇宸琪琳瑶琦玥珑瑾璞禾穗苗帆航舟桥渡塘泾浦滨涵漪潇汐沐淳"
    "澄湛栖梧橡檀榕棠蔷薇蓉芷若蕙萱茗川原野畔隅廊阁台亭榭楼府第邦都里巷坊旭昕曜皓朗"
)

_ESTATES: Final = (
    "苑",
    "花园",
    "公寓",
    "小区",
    "名邸",
    "雅苑",
    "家园",
    "华庭",
    "新城",
    "佳苑",
    "公馆",
    "新苑",
    "名苑",
    "城",
)
_ROADS: Final = ("路", "路", "路", "路", "街", "支路", "公路", "大道")
_LEGAL: Final = ("有限公司", "有限公司", "有限责任公司", "股份有限公司", "有限公司浦东分公司")

_TRADES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    # kind: (what the short name ends in, what the registered name puts before 有限公司)
    "property": (("物业", "物业管理"), ("物业", "物业服务"), ("物业", "物业发展")),
    "gym": (("健身", "健身管理"), ("健身房", "体育文化"), ("瑜伽", "健身服务"), ("游泳馆", "体育发展")),
    "salon": (("美容", "美容"), ("美发", "美发"), ("造型", "美发管理"), ("养生馆", "健康管理")),
    "training": (("教育", "教育培训"), ("英语", "教育科技"), ("艺术", "文化艺术"), ("早教", "教育咨询")),
    "builder": (("建设", "建设工程"), ("建筑", "建筑工程"), ("装饰", "装饰工程"), ("劳务", "建筑劳务")),
    "developer": (("置业", "置业"), ("地产", "房地产开发"), ("城投", "城市开发建设")),
    "employer": (
        ("科技", "信息科技"),
        ("贸易", "国际贸易"),
        ("物流", "物流"),
        ("电子", "电子"),
        ("制造", "机械制造"),
    ),
    "factory": (
        ("化工厂", "化工"),
        ("搅拌站", "混凝土"),
        ("电镀厂", "金属制品"),
        ("喷漆厂", "家具制造"),
        ("印刷厂", "包装印刷"),
    ),
    "finance": (("财富", "投资管理"), ("金融", "金融信息服务"), ("小贷", "小额贷款"), ("基金", "基金销售")),
    "agency": (("房产", "房地产经纪"), ("公寓", "公寓管理"), ("租房", "住房租赁")),
    "dealer": (("汽车", "汽车销售服务"), ("4S店", "汽车销售")),
    "decor": (("装饰", "装饰设计"), ("家装", "建筑装饰"), ("整装", "装饰工程")),
    "travel": (("旅行社", "国际旅行社"), ("旅游", "旅游服务"), ("酒店", "酒店管理"), ("民宿", "酒店管理")),
    "platform": (("优选", "网络科技"), ("商城", "电子商务"), ("买菜", "电子商务"), ("出行", "网络科技")),
    "clinic": (("口腔", "口腔门诊部"), ("医美", "医疗美容门诊部"), ("门诊", "门诊部")),
    "farm": (("合作社", "农业专业合作社"), ("农场", "农业发展")),
}
_PLAIN: Final[dict[str, tuple[str, ...]]] = {
    # kind: what the name ends in
    "restaurant": ("烧烤", "火锅店", "饭店", "小龙虾", "面馆", "大排档", "川菜馆", "茶餐厅", "酒家", "食府"),
    "bar": ("酒吧", "KTV", "音乐餐吧", "棋牌室", "清吧", "台球房"),
    "shop": ("超市", "便利店", "水果店", "服装店", "家电行", "手机店", "烟酒店", "药房", "家具城", "生活馆"),
    "market": ("菜市场", "集贸市场", "农贸市场", "市集"),
    "school": ("小学", "中学", "实验学校", "外国语学校", "第二小学", "附属学校"),
    "kindergarten": ("幼儿园", "艺术幼儿园", "第二幼儿园"),
    "hospital": ("医院", "康复医院", "社区卫生服务中心", "妇幼保健院"),
    "carehome": ("敬老院", "护理院", "养老院", "颐养院"),
    "river": ("浜", "港", "泾", "河"),
    "park": ("公园", "绿地", "体育公园", "广场"),
    "mall": ("商场", "购物中心", "商业广场", "生活广场", "百货"),
    "station": ("路站",),
    "village": ("村", "村", "新村"),
    "venue": ("体育馆", "游泳馆", "图书馆", "文化中心", "影城"),
}
KINDS: Final = frozenset({"estate", "road", "bus", "site", "person", *_TRADES, *_PLAIN})
"""What a ticket can be about. `person` is a matter of the caller's own: it has no name to repeat."""


class Entity(NamedTuple):
    """A named thing in a street that tickets are about."""

    kind: str
    name: str
    short: str
    formal: str
    """The name in full: of a company as registered, of an estate with its lane."""
    road: str
    number: int
    committee: str
    partner: str
    """Who answers for it: the estate's managers, the site's builder, the shop's owner of record."""


def half_of(seed: int) -> int:
    """Which half of names and clauses a seed draws from: 0 below 1000 (tuning), 1 from 1000 (test)."""
    return 0 if seed < TEST_SEEDS_FROM else 1


class Namer:
    """Makes up names from one half of the syllables.

    Parameters
    ----------
    half
        0 or 1, see `half_of`.
    chance
        Where the draws come from.
    """

    def __init__(self, half: int, chance: Chance) -> None:
        """Take one half of the syllables."""
        self._first = _FIRST[half::2]
        self._second = _SECOND[half::2]
        self._chance = chance
        # four-digit lines: even numbers tune, odd ones test
        self._bus_parity = half

    def _stem(self) -> str:
        chance = self._chance
        stem = chance.pick(self._first) + chance.pick(self._second)
        return stem + chance.pick(self._second) if chance.hit(0.55) else stem

    def road(self) -> str:
        """A road's name."""
        return self._stem() + self._chance.pick(_ROADS)

    def entity(self, kind: str, road: str, committee: str) -> Entity:
        """A new thing of this kind on this road."""
        chance = self._chance
        number = chance.between(2, 1999)
        stem = self._stem()
        partner = self._stem() + chance.pick(("物业", "公司", "管理公司", "实业", "集团"))
        if kind == "estate":
            suffix = chance.pick(_ESTATES)
            name = stem + suffix + (chance.pick(("东区", "西区", "一期", "二期", "南区")) if chance.hit(0.12) else "")
            return Entity(
                kind,
                name,
                stem if chance.hit(0.5) else stem + suffix[0],
                f"{road}{number}弄{name}",
                road,
                number,
                committee,
                partner,
            )
        if kind == "road":
            return Entity(kind, road, road, f"{road}近{self.road()}", road, number, committee, partner)
        if kind == "bus":
            line = 2 * chance.between(600, 899) + self._bus_parity
            return Entity(kind, f"{line}路", f"{line}", f"{line}路公交车", road, number, committee, partner)
        if kind == "site":
            name = stem + chance.pick(("项目工地", "工地", "地块工地", "安置房工地", "商务楼工地"))
            return Entity(kind, name, stem + "工地", f"{road}{name}", road, number, committee, partner)
        if kind == "person":
            return Entity(kind, "", "", "", road, number, committee, partner)
        if kind in _TRADES:
            trade, registered = chance.pick(_TRADES[kind])
            return Entity(
                kind,
                stem + trade,
                stem,
                f"上海{stem}{registered}{chance.pick(_LEGAL)}",
                road,
                number,
                committee,
                partner,
            )
        name = stem + chance.pick(_PLAIN[kind])
        return Entity(
            kind,
            name,
            stem if kind in ("restaurant", "bar", "shop", "mall") else name,
            f"{road}{number}号{name}",
            road,
            number,
            committee,
            partner,
        )
