"""Caller hashes: one person, one hash; nobody, no hash; and where the key comes from."""

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.door.callers import KEY_FILE_VARIABLE, PUBLIC_KEY, CallerHasher, CallerKeyError, key_origin, load_key

HASHER = CallerHasher(PUBLIC_KEY)
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


@pytest.mark.parametrize(
    "spelling",
    [
        "138 1234 5678",
        "+86 138-1234-5678",
        "8613812345678",
        "１３８１２３４５６７８",
        " 13812345678 ",
        "008613812345678",
    ],
)
def test_spellings_of_one_phone(spelling: str) -> None:
    assert HASHER.hash(spelling) == HASHER.hash("13812345678")


@pytest.mark.parametrize(
    "nobody", ["", " ", "匿名", "保密 ", "0", "000000", "不详", "138****5678", "138xxxx5678", "-", "/"]
)
def test_nobody_has_no_hash(nobody: str) -> None:
    assert HASHER.hash(nobody) == ""


def test_a_hash_is_fixed_keyed_and_short() -> None:
    assert HASHER.hash("13812345678") == "56152ceb89892767"
    assert CallerHasher(b"another key of 16+ bytes").hash("13812345678") != "56152ceb89892767"
    assert pickle.loads(pickle.dumps(HASHER)).hash("13812345678") == "56152ceb89892767"


@given(st.from_regex(r"(00|86|0086)?(1[3-9])?(\d)\3*\d{0,12}", fullmatch=True))
def test_digits_mean_the_same_in_full_width(caller: str) -> None:
    digits = "".join(str(int(digit)) for digit in caller)
    assert HASHER.hash(digits) == HASHER.hash(digits.translate(FULL_WIDTH))


@given(st.text(max_size=30))
def test_every_caller_hashes(caller: str) -> None:
    found = HASHER.hash(caller)
    assert found == "" or (len(found) == 16 and set(found) <= set("0123456789abcdef"))


def test_a_key_has_a_useful_length() -> None:
    with pytest.raises(ValueError, match="16 to 64 bytes"):
        CallerHasher(b"short")


def test_the_key_comes_from_the_file_the_variable_names(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"0123456789abcdef\n")
    assert load_key({}) is None
    assert load_key({KEY_FILE_VARIABLE: str(file)}) == b"0123456789abcdef"
    file.write_bytes(b"short")
    assert (key_origin({}), key_origin({KEY_FILE_VARIABLE: str(file)})) == ("public", "configured")
    with pytest.raises(CallerKeyError, match="wrong length"):
        load_key({KEY_FILE_VARIABLE: str(file)})
    with pytest.raises(CallerKeyError, match="cannot read"):
        load_key({KEY_FILE_VARIABLE: str(tmp_path / "absent")})
