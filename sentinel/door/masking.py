"""Masking of personal data in free text, before anything else reads the text.

`mask` replaces what identifies a person (phones, identity numbers, plates, bank cards, e-mail, accounts,
names that follow a word announcing one) by a label such as 〔电话〕. It is idempotent. It leaves on purpose:
public numbers (12345, 110, 95598, 400 numbers), surnames with a title (王先生, 李女士: nobody is known by
that alone), years, amounts, house numbers, and ticket numbers that are announced as such.
"""

import re
from datetime import date
from typing import Final

PHONE: Final = "〔电话〕"
IDENTITY: Final = "〔身份证〕"
PASSPORT: Final = "〔证件〕"
PLATE: Final = "〔车牌〕"
BANK_CARD: Final = "〔银行卡〕"
EMAIL: Final = "〔邮箱〕"
ACCOUNT: Final = "〔账号〕"
NAME: Final = "〔姓名〕"

# \d also matches full-width digits, which people type on phones. Patterns begin with a plain character class
# and look behind after it, because the search for such a first character is what makes them fast.
_GAP = r"[ \u3000\-－—–.·]{0,3}"
_ANY_NUMBER = re.compile(r"\d[\d \u3000\-－—–.·()（）]{5,}[\dXxＸｘ]")
_EMAIL = re.compile(r"[A-Za-z0-9._%+\-]{1,64}[@＠][A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,4}")
_IDENTITY = re.compile(
    rf"[1-8１-８](?<!\d.)\d{{5}}{_GAP}(?:\d{{8}}{_GAP}\d{{3}}[\dXxＸｘ]|\d{{6}}{_GAP}\d{{3}})(?![\dXxＸｘ])"
)
_BANK_CARD = re.compile(rf"[4-6４-６](?<!\d.)\d{{3}}(?:{_GAP}\d{{4}}){{3}}(?:{_GAP}\d{{1,3}})?(?!\d)")
_MOBILE = re.compile(
    rf"[1１](?:(?<!\d.)|(?<=(?<!\d)86.))(?:[3-9３-９](?:\d{_GAP}\d{{4}}{_GAP}\d{{4}}"
    rf"|\d{{2}}{_GAP}\d{{3}}{_GAP}\d{{4}}|\d{_GAP}\d{{3}}{_GAP}\d{{5}})"
    r"|[ \u3000][3-9](?:[ \u3000]\d){9})(?!\d)"
)
_COUNTRY_CODE = re.compile(rf"[(（]?(?:[+＋]|00)?86[)）]?{_GAP}{PHONE}")
_LANDLINE = re.compile(
    r"[(（0０](?<![\d.].)[0０]?(?<=[0０])(?:[1１][0０]|[2２]\d|[3-9３-９]\d{2})[)）]?"
    rf"{_GAP}[2-9２-９]\d{{2,3}}{_GAP}\d{{4}}(?:[\-－转]\d{{1,5}})?(?!\d)"
)
_LOCAL_PHONE = re.compile(
    r"((?:电话|手机|座机|联系方式|致电|传真)(?:号码|号)?(?:是|为)?[\s:：]{0,3})"
    r"[2-9２-９]\d{2,3}[ \-－]?\d{4}(?!\d)"
)
_PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领][A-Za-zＡ-Ｚ][ ·•.\-－]?"
    r"([A-Za-zＡ-Ｚ\d]{5,6}|[A-Za-zＡ-Ｚ\d]{4}[挂学警港澳])(?![A-Za-z\d])"
)
_ACCOUNT = re.compile(
    r"((?:微信|QQ|qq|扣扣|WeChat|wechat|weixin|WX|wx|VX|vx|支付宝|抖音|微博)(?:账号|帐号|号码|号|群|ID|id)?"
    r"(?:是|为)?[\s:：]{0,3})[A-Za-z\d_][A-Za-z\d_\-]{4,29}(?![A-Za-z\d_\-])(?!\s*[元块万])"
)
_PASSPORT = re.compile(
    r"((?:护照|通行证|军官证|居留证|回乡证|台胞证)(?:号码|号)?(?:是|为)?[\s:：]{0,3})[A-Za-z]{0,2}\d{7,10}(?![A-Za-z\d])"
)

_IDENTITY_WORD = re.compile(r"身份证[^\d，。；]{0,8}$")
_CARD_WORD = re.compile(r"(?:银行卡|卡号|账号|帐号|账户|帐户|存折|信用卡|储蓄卡)[^\d，。；]{0,8}$")
_REFERENCE_WORD = re.compile(r"(?:工单|订单|单号|编号|案号|流水|运单|信用代码|发票|条码)[^\d，。；]{0,4}$")
_WORD_REACH = 16

# Surnames that seldom begin an ordinary word (the few words they do begin are in `_NO_NAME`), and those that
# often do (于昨日, 向物业, 曾多次) and count only after a word that announces a name with a colon or a verb.
_SURNAME = (
    "(?:欧阳|诸葛|上官|司马|司徒|慕容|皇甫|尉迟|"
    "[王李张刘陈杨黄赵吴周徐孙朱胡郭林罗郑梁谢宋唐韩冯邓曹彭萧袁潘蒋蔡余杜叶程苏魏吕丁沈姚卢姜崔"
    "钟谭陆汪范廖贾夏韦付傅邹熊秦邱薛闫侯龚邵钱覃莫汤倪施邢殷翁俞瞿顾陶郝孟戚])"
)
_OTHER_SURNAME = "[马何高肖许田董于任金石方尹段雷龙史黎贺毛万严武戴孔向白季祝奚乔庄柴康樊齐尚温芦葛柳卫岳项成章曾]"
_NO_NAME = (
    r"(?!\S{1,2}(?:先生|女士|小姐|同志|老师|阿姨|师傅|大爷|大妈|经理|主任|书记|医生|律师|警官|队长|老板)"
    r"|周[边围末全期]|陆续|范围|付[款费清钱出租押]|施工|杜绝|谢谢|程序|黄[色昏]|钱[款财]|张贴|夏[天季]|余下|叶子|胡乱"
    r"|林木|钟[点头]|莫名|陈述|陈旧|顾虑|顾客|苏醒|罗列|陶瓷|王国|杨树|梁柱|不[详愿明]|保密|匿名|未知|无)"
)
_HAN = r"[\u4e00-\u9fff某×*]"
_NAME_END = r"(?=[\s，。；、,;.：:!！?？()（）\[\]【】〔〕“”\"'/\d]|$|电话|手机|联系|来电|反映|身份证|称|性别)"
_ANNOUNCED_NAME = re.compile(
    r"((?:姓名|联系人|申请人|投诉人|举报人|反映人|当事人|户主|联络人|经办人|收件人)(?:姓名)?)"
    rf"(?:([是为叫]?[\s:：]{{1,3}}|[是为叫]){_NO_NAME}(?:{_SURNAME}|{_OTHER_SURNAME}){_HAN}{{1,2}}"
    rf"|(){_NO_NAME}{_SURNAME}{_HAN}{{1,2}}){_NAME_END}"
)
_SPEAKER_NAME = re.compile(
    r"((?:我叫|名叫|本人叫|我是|本人是|市民|来电人|来信人|业主|居民|网友|村民)[\s:：]{0,2})"
    rf"{_NO_NAME}{_SURNAME}{_HAN}{{1,2}}{_NAME_END}"
)
_NAME_BEFORE_PHONE = re.compile(
    rf"(?<![\u4e00-\u9fff]){_NO_NAME}{_SURNAME}{_HAN}{{1,2}}"
    rf"([\s:：，,、(（]{{0,2}}(?:联系)?(?:电话|手机)?[\s:：]{{0,2}}{PHONE})"
)


def mask(text: str) -> str:
    """The text with personal data replaced by labels. `mask(mask(text)) == mask(text)`.

    A label can bring a name and a phone together that were apart, so masking repeats until nothing changes;
    every round leaves fewer characters outside labels, so it ends.
    """
    if not text:
        return text
    while True:
        masked = _mask_once(text)
        if masked == text:
            return masked
        text = masked


def _mask_once(text: str) -> str:
    if "@" in text or "＠" in text:
        text = _EMAIL.sub(EMAIL, text)
    if _ANY_NUMBER.search(text):
        text = _mask_numbers(text)
    text = _PLATE.sub(_plate, text)
    text = _ACCOUNT.sub(_announced_account, text)
    text = _ANNOUNCED_NAME.sub(_announced_name, text)
    text = _SPEAKER_NAME.sub(_announced_by_speaker, text)
    if PHONE in text:
        text = _NAME_BEFORE_PHONE.sub(rf"{NAME}\1", text)
    return text


def _mask_numbers(text: str) -> str:
    text = _IDENTITY.sub(_identity, text)
    text = _BANK_CARD.sub(_bank_card, text)
    text = _MOBILE.sub(_unless_reference, text)
    text = _LANDLINE.sub(_unless_reference, text)
    text = _LOCAL_PHONE.sub(rf"\1{PHONE}", text)
    if PHONE in text:
        text = _COUNTRY_CODE.sub(PHONE, text)
    return _PASSPORT.sub(rf"\1{PASSPORT}", text)


# Functions, since a replacement with a group reference is compiled anew on every call of `sub`.
def _announced_account(match: re.Match[str]) -> str:
    return match[1] + ACCOUNT


def _announced_by_speaker(match: re.Match[str]) -> str:
    return match[1] + NAME


def _announced_name(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2] or ''}{NAME}"


def _preceded(match: re.Match[str], word: re.Pattern[str]) -> bool:
    start = match.start()
    return word.search(match.string, max(0, start - _WORD_REACH), start) is not None


def _digits(match: re.Match[str]) -> list[int]:
    return [int(char) for char in match[0] if char.isdecimal()]


def _identity(match: re.Match[str]) -> str:
    """An identity number announced as one, or whose birthday and check digit (GB 11643) fit."""
    if _preceded(match, _IDENTITY_WORD):
        return IDENTITY
    if _preceded(match, _REFERENCE_WORD):
        return match[0]
    digits = _digits(match)
    if not 11 <= 10 * digits[0] + digits[1] <= 82:
        return match[0]
    if len(digits) == 15:
        born = "19" + "".join(map(str, digits[6:12]))
        return IDENTITY if _is_date(born) else match[0]
    check = 10 if match[0][-1] in "XxＸｘ" else digits[17]
    weighted = sum(digit * pow(2, 17 - place, 11) for place, digit in enumerate(digits[:17]))
    valid = (weighted + check) % 11 == 1 and _is_date("".join(map(str, digits[6:14])))
    return IDENTITY if valid else match[0]


def _is_date(compact: str) -> bool:
    try:
        return date.fromisoformat(compact) >= date(1900, 1, 1)
    except ValueError:
        return False


def _bank_card(match: re.Match[str]) -> str:
    """A card number announced as one, or whose check digit (Luhn, ISO/IEC 7812) fits."""
    if _preceded(match, _CARD_WORD):
        return BANK_CARD
    if _preceded(match, _REFERENCE_WORD):
        return match[0]
    total = 0
    for place, digit in enumerate(reversed(_digits(match))):
        total += digit if place % 2 == 0 else digit * 2 - 9 * (digit > 4)
    return BANK_CARD if total % 10 == 0 else match[0]


def _unless_reference(match: re.Match[str]) -> str:
    return match[0] if _preceded(match, _REFERENCE_WORD) else PHONE


def _plate(match: re.Match[str]) -> str:
    """A number plate has at least three digits: 新GALAXY5 is none."""
    return PLATE if sum(char.isdecimal() for char in match[1]) >= 3 else match[0]
