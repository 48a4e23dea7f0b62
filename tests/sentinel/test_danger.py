import pickle
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from embeddings.ngrams import DANGER, NgramModel
from sentinel.danger import NO_DANGER, Category, DangerReader, DangerWords
from sentinel.settings import default_config_dir

ALERT = 0.6

PRESENT = [
    ("燃气泄漏", "三号楼楼道里闻到很浓的煤气味，已经半个小时了，请马上派人"),
    ("燃气泄漏", "施工队把天然气管道挖断了，正在往外喷气"),
    ("燃气泄漏", "厨房燃气泄漏，总阀关不上"),
    ("燃气泄漏", "楼下饭店煤气罐在漏气，一股煤气味，居民不敢回家"),
    ("燃气泄漏", "邻居全家煤气中毒，叫不醒"),
    ("燃气泄漏", "过道里一股刺鼻的煤气味，估计是管子的问题"),
    ("坍塌", "六楼的空调外机掉下来砸到人了"),
    ("火灾", "今天天气干燥，后山着火了"),
    ("自杀跳楼", "隔壁老太吃了农药，叫门没人应"),
    ("坍塌", "老房子的墙要倒了，里面还住着老人"),
    ("坍塌", "工地脚手架倒了，压到两个工人"),
    ("坍塌", "昨夜暴雨，邻居家房子塌了一半，现在还在掉砖"),
    ("自杀跳楼", "有个男的站在楼顶要跳楼，快来人"),
    ("自杀跳楼", "我实在活不下去了，不想活了"),
    ("自杀跳楼", "来电人情绪激动，扬言跳楼"),
    ("自杀跳楼", "我妈刚才喝了农药，说要去死"),
    ("自杀跳楼", "女儿写了遗书后失踪，手机关机"),
    ("火灾", "隔壁楼着火了，黑烟直冒"),
    ("火灾", "地下车库一辆电瓶车烧起来了"),
    ("火灾", "十二楼阳台正在冒烟，有明火，赶紧派消防车"),
    ("火灾", "仓库爆炸了，玻璃都震碎了"),
    ("触电", "小孩触电了，躺在地上"),
    ("触电", "路边电线断了掉在地上，还在冒火花，行人很多"),
    ("触电", "变压器在冒火，噼啪响"),
    ("有人被困", "两个老人困在电梯里四十分钟了，物业电话没人接"),
    ("有人被困", "小孩反锁在屋里，灶台上还开着火"),
    ("有人被困", "有人落水，快救人"),
    ("有人被困", "河边有个孩子掉进了河里"),
    ("有人被困", "土方滑下来，一名工人被埋"),
    ("食物中毒群体", "中午吃完食堂，多名学生呕吐，已送医"),
    ("食物中毒群体", "婚宴后好几个亲戚呕吐发烧，怀疑菜有问题"),
    ("持刀伤人", "楼下有人拿着菜刀追人"),
    ("持刀伤人", "店门口两伙人打架，有一人被砍，流了很多血"),
    ("危化品泄漏", "高架下一辆槽罐车侧翻，有泄漏"),
    ("危化品泄漏", "工厂氨气泄漏，附近的人都在咳嗽"),
    ("极端扬言", "工人爬上塔吊讨要工资"),
    ("极端扬言", "再不解决我就和他们同归于尽"),
    ("极端扬言", "他提着汽油到售楼处，要放火"),
]

NEGATED = [
    "燃气公司上门检查，没有闻到煤气味",
    "经查现场未发现燃气泄漏",
    "电梯停运，无人被困",
    "消防到场后确认不是着火了，是误报",
    "排除燃气泄漏的情况",
    "网上传小区着火了，经核实是谣言",
]

PAST = [
    "去年三楼着火了，物业至今没有换灭火器",
    "上个月电梯困人，维保一直没更换配件",
    "之前有人跳楼自杀，房东隐瞒，要求退租",
    "昨天厨房着火了，已经扑灭，想问损失谁来出",
    "电线断了掉在地上，供电所已经修好了，表扬师傅",
    "前年楼上墙体塌了一块，开发商没修",
    "孩子触电了一事的赔偿问题，医院费用没人付",
]

HYPOTHETICAL = [
    "请问燃气泄漏怎么办，应该打哪个电话",
    "社区组织消防演练，模拟三楼着火了",
    "想安装燃气泄漏报警器，怎么申请补贴",
    "如果着火了消防车根本进不来",
    "万一有人被困在里面谁负责",
    "一旦发生爆炸后果不堪设想",
    "咨询煤气中毒的急救知识讲座何时举办",
    "难道要等有人触电了才来处理",
]

WORRY = [
    "外墙裂缝很大，担心会坍塌",
    "楼道充电存在火灾隐患",
    "电线老化，容易引起火灾",
    "路面塌陷，有坍塌的危险",
    "裸露的电线可能导致漏电",
    "现在门口堆满纸箱，就怕着火",
    "充电线从窗口拉下来，晚上怕着火睡不着",
    "楼下烧柴，浓烟很呛，今天天气热窗都不敢开",
]

HARMLESS = [
    "物业不处理，业主都气炸了",
    "等了一个月，急死人了",
    "商场跳楼价促销，喇叭很吵",
    "游乐园的跳楼机停运，要求退票",
    "噪音吵得我头都要炸了，困扰我们很久",
    "希望减轻生活负担，关心年轻生命",
    "新店火爆，门口排队占道",
    "燃气公司乱收费，燃气表走得太快",
    "我们几个邻居一起火锅聚餐被投诉噪音",
    "小区停水三天，没有人管",
    "开发商用车位绑架业主，非常气愤",
    "听说外地有电动车着火了，建议加强管理",
    "近年来电动车火灾频发，建议统一充电",
]

# written after the lexicon was settled, and not used to tune it
HELD_OUT_DANGER = [
    "家里煤气在漏，味道很大，我们都跑到楼下了",
    "五楼窗户往外冒浓烟，赶快来",
    "有人在桥上说要跳河，我拉着他",
    "电梯突然停了，我们六个人被困，里面有孕妇",
    "楼板塌下来一块，砸到人了",
    "门口有个醉汉持刀乱挥",
    "幼儿园十几个孩子上吐下泻，现在都在医院",
    "高压线断了，垂在路中间",
    "我老公把自己关在房间里，说要自杀",
    "化工厂爆炸了，天上都是黄烟",
    "家里老人晕倒了，救命，电话打不通",
    "包工头欠薪，工友浇汽油要自焚",
    "井盖没了，刚刚有个孩子掉进井里",
    "路灯杆漏电，现在有个小孩被电倒了",
]
HELD_OUT_CALM = [
    "燃气公司没有按时上门安检",
    "要求物业更换过期的灭火器，消防通道被占",
    "去年小区火灾后楼道一直没有粉刷",
    "咨询电梯困人应该打什么电话",
    "空调外机滴水，吵得睡不着",
    "路面塌陷两个月没人修，影响通行",
    "外墙瓷砖脱落，担心砸到人",
    "电瓶车进楼，存在火灾隐患",
    "请问煤气罐怎么换成天然气",
    "建议学校开展防溺水宣传",
    "前两天的火灾赔偿什么时候到位",
    "饭店油烟大，烟道天天冒烟",
    "老房子漏水，怀疑会漏电",
    "烧烤摊浓烟熏得开不了窗",
    "欠薪半年，再不给就去法院起诉",
    "医院误诊，要求赔偿",
    "希望组织居民学习触电急救知识",
    "听说隔壁小区有人跳楼，是真的吗",
]


# written by somebody who had seen neither the words nor what the model learned from
SENTENCES = Path(__file__).with_name("danger_sentences.tsv")


@pytest.fixture(scope="module")
def words() -> DangerWords:
    text = (default_config_dir() / "urgent.yaml").read_text(encoding="utf-8")
    return DangerWords.model_validate(yaml.safe_load(text))


@pytest.fixture(scope="module")
def reader(words: DangerWords) -> DangerReader:
    return DangerReader(words)


@pytest.fixture(scope="module")
def both(words: DangerWords) -> DangerReader:
    """As it ships: words, and what was learned."""
    return DangerReader(words, NgramModel.load(DANGER))


@pytest.mark.parametrize(("category", "text"), PRESENT)
def test_present_danger(reader: DangerReader, category: str, text: str) -> None:
    cues = reader.assess(text)
    assert cues.strength >= ALERT
    assert cues.category == category
    assert cues.words


@pytest.mark.parametrize("text", NEGATED)
def test_negated(reader: DangerReader, text: str) -> None:
    cues = reader.assess(text)
    assert cues.negated
    assert cues.strength == 0.0


@pytest.mark.parametrize("text", PAST)
def test_past(reader: DangerReader, text: str) -> None:
    cues = reader.assess(text)
    assert cues.past
    assert cues.strength < ALERT


@pytest.mark.parametrize("text", HYPOTHETICAL)
def test_drill_question_or_condition(reader: DangerReader, text: str) -> None:
    cues = reader.assess(text)
    assert cues.strength < 0.3
    assert cues.hypothetical or not cues.category


@pytest.mark.parametrize("text", WORRY)
def test_worry_is_weaker_than_danger(reader: DangerReader, text: str) -> None:
    assert 0.0 < reader.assess(text).strength < 0.45


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless(reader: DangerReader, text: str) -> None:
    assert reader.assess(text).strength < 0.3


def test_held_out_sentences(reader: DangerReader, capsys: pytest.CaptureFixture[str]) -> None:
    found = [text for text in HELD_OUT_DANGER if reader.assess(text).strength >= ALERT]
    wrong = [text for text in HELD_OUT_CALM if reader.assess(text).strength >= ALERT]
    precision = len(found) / (len(found) + len(wrong))
    recall = len(found) / len(HELD_OUT_DANGER)
    with capsys.disabled():
        print(f"\nheld-out sentences: precision {precision:.2f}, recall {recall:.2f}")
    assert precision >= 0.9
    assert recall >= 0.8


def test_what_is_said_of_the_past_does_not_excuse_the_present(reader: DangerReader) -> None:
    assert reader.assess("去年着火了一次，现在又着火了").strength >= ALERT


def test_the_title_counts(reader: DangerReader) -> None:
    assert reader.assess("请速来", title="三楼着火了").strength >= ALERT
    assert reader.assess("模拟三楼着火了，各单位到场", title="关于消防演练扰民").strength < 0.3


def test_in_a_long_text_only_threats_are_certain(reader: DangerReader) -> None:
    story = "这件事说来话长，物业收费不公开。" * 20
    assert reader.assess(story + "后院着火了").strength < ALERT
    assert reader.assess("我不想活了。" + story).strength >= ALERT


def test_says_which_words_it_rests_on(reader: DangerReader) -> None:
    assert reader.assess("阳台漏电，现在没人敢碰").words == ("漏电", "现在")
    assert "去年" in reader.assess("去年着火了").words


def test_same_after_pickling(reader: DangerReader) -> None:
    copy = pickle.loads(pickle.dumps(reader))
    for _, text in PRESENT:
        assert copy.assess(text) == reader.assess(text)


def test_no_word_of_danger(reader: DangerReader) -> None:
    assert reader.assess("公交车等了半个小时", title="公交班次太少") == NO_DANGER
    assert reader.assess("") == NO_DANGER


@pytest.mark.parametrize("phrase", ["火", "火…烟"])
def test_refuses_a_phrase_too_short_to_search_for(phrase: str) -> None:
    with pytest.raises(ValidationError, match=f"has {phrase}, which is too short"):
        Category(name="火灾", certain=(phrase,))


@given(text=st.text(alphabet="有人被困着火了没去年，。！？…现在 \n燃气味闻到的", max_size=60))
def test_strength_is_a_share_for_any_text(reader: DangerReader, text: str) -> None:
    cues = reader.assess(text)
    assert 0.0 <= cues.strength <= 1.0
    assert bool(cues.words) == bool(cues.category)


def test_hears_of_danger_that_no_list_foresees(reader: DangerReader, both: DangerReader) -> None:
    rows = [line.split("\t") for line in SENTENCES.read_text("utf-8").splitlines()]
    danger = [text for label, _, text in rows if label == "1"]
    calm = [text for label, kind, text in rows if label == "0" and kind != "平常"]
    ordinary = [text for _, kind, text in rows if kind == "平常"]
    by_words, found, wrong, false = (
        sum(who.assess(text).strength >= ALERT for text in texts) / len(texts)
        for who, texts in ((reader, danger), (both, danger), (both, calm), (both, ordinary))
    )
    assert found > 0.9
    assert found > by_words + 0.5  # or the model would be of no use
    assert wrong < 0.2  # of texts that all sound like danger
    assert false < 0.01


def test_still_hears_the_words(both: DangerReader) -> None:
    for _, text in PRESENT:
        assert both.assess(text).strength >= ALERT


def test_the_model_rules_out_a_phrase(reader: DangerReader, both: DangerReader) -> None:
    drawn = "书店把讲割腕的漫画放在儿童区，建议换个地方"
    assert reader.assess(drawn).strength >= ALERT
    cues = both.assess(drawn)
    assert cues.strength < ALERT
    assert cues.category == "自杀跳楼"


def test_the_model_can_be_left_out(words: DangerWords) -> None:
    silent = words.model_copy(update={"learned": words.learned.model_copy(update={"strength": 0.0})})
    text = "烟感一直在叫，走廊里全是烟，十二楼的老人还没下来"
    assert DangerReader(silent, NgramModel.load(DANGER)).assess(text) == DangerReader(words).assess(text)
    assert DangerReader(words, NgramModel.load(DANGER)).assess(text).strength >= ALERT
