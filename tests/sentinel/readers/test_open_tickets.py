"""Files of every kind and encoding through the readers, and files that are none."""

import csv
import gzip
import io
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from sentinel.readers import Entry, ReadError, Rejection, open_tickets, parse_map

HEADER = [
    "工单编号",
    "受理时间",
    "诉求类型",
    "诉求内容",
    "所属街镇",
    "承办单位",
    "派单时间",
    "办结时间",
    "是否解决",
    "满意度",
]
ROW = [
    "T1",
    "2019/7/8 9:32:09",
    "住建/物业",
    "楼道停水，请处理",
    "塘桥街道",
    "塘桥街道",
    "2019-07-08 10:00",
    "2019-07-10",
    "是",
    "不满意",
]
BAD = ["T2", "2019-02-30", "", "停电", "", "", "", "", "", ""]


def read(path: Path, mapping: str = "") -> tuple[list[Entry], list[Rejection]]:
    found = list(open_tickets([path], parse_map(mapping)))
    return [e for e in found if isinstance(e, Entry)], [r for r in found if isinstance(r, Rejection)]


def as_csv(delimiter: str, encoding: str) -> Callable[[], bytes]:
    def make() -> bytes:
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter).writerows([["某市热线导出"], HEADER, ROW, BAD])
        return text.getvalue().encode(encoding)

    return make


def as_jsonl(encoding: str) -> Callable[[], bytes]:
    def make() -> bytes:
        rows = [dict(zip(HEADER, row, strict=True)) for row in (ROW, BAD)]
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode(encoding)

    return make


def as_xlsx() -> bytes:
    workbook = openpyxl.Workbook()
    for row in (["某市热线导出"], HEADER, ROW, BAD):
        workbook.active.append(row)
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


KINDS = {
    "csv": as_csv(",", "utf-8"),
    "csv bom": as_csv(",", "utf-8-sig"),
    "csv ; gb18030": as_csv(";", "gb18030"),
    "csv tab utf-16": as_csv("\t", "utf-16"),
    "jsonl": as_jsonl("utf-8"),
    "jsonl bom": as_jsonl("utf-8-sig"),
    "jsonl gb18030": as_jsonl("gb18030"),
    "jsonl utf-16": as_jsonl("utf-16"),
    "xlsx": as_xlsx,
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_reads_the_same(kind: str, packed: bool, tmp_path: Path) -> None:
    content = KINDS[kind]()
    path = tmp_path / "export.dat"  # no extension helps
    path.write_bytes(gzip.compress(content) if packed else content)
    entries, rejections = read(path)
    assert [(e.event.event, e.position) for e in entries] == [
        ("created", 0),
        ("dispatched", 1),
        ("closed", 2),
    ]
    created, dispatched, closed = (entry.event for entry in entries)
    assert created.created_at is not None
    assert created.created_at.isoformat() == "2019-07-08T09:32:09+08:00"
    assert (created.text, created.street, created.topic) == ("楼道停水，请处理", "塘桥街道", "住建/物业")
    assert (created.handler, created.solved, created.satisfied) == ("", None, None)
    assert (dispatched.handler, dispatched.at.hour) == ("塘桥街道", 10)
    assert (closed.solved, closed.satisfied, closed.at.day) == (True, False, 10)
    assert [(r.field, r.value, r.line) for r in rejections] == [("created_at", "2019-02-30", entries[0].line + 1)]
    assert "受理时间" in rejections[0].reason


def test_a_map_names_foreign_columns(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    row = {
        "id": 7,
        "time": "2019-07-08 09:00:00",
        "user": "A1",
        "text": "停水",
        "reply_time": "2019-07-09;2019-07-10",
    }
    path.write_text(json.dumps(row) + "\n")
    entries, _ = read(path, "ticket_id=id,created_at=time,caller=user,urged_at=reply_time")
    assert [(e.event.ticket_id, e.event.event, e.event.at.day) for e in entries] == [
        ("7", "created", 8),
        ("7", "urged", 9),
        ("7", "urged", 10),
    ]
    assert entries[0].event.caller == "A1"


def test_one_row_may_be_one_event(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"ticket_id":"1","event":"办结","event_at":"2019-07-08","solved":"否","closed_at":"2019-07-09"}\n')
    entries, _ = read(path)
    assert [(e.event.event, e.event.at.day, e.event.solved) for e in entries] == [("closed", 8, False)]


def test_counts_and_answers_without_a_date_make_no_event(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("工单编号,受理时间,诉求内容,退单次数,满意度\n1,2019-07-08,停水,3,不满意\n")
    entries, rejections = read(path)
    assert [e.event.event for e in entries] == ["created"]
    assert entries[0].event.satisfied is None
    assert rejections == []


def test_a_bad_later_date_costs_only_its_event_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("工单编号,受理时间,诉求内容,办结时间,联系电话\n1,2019-07-08,停水,13812345678号,13812345678\n")
    entries, rejections = read(path)
    assert [e.event.event for e in entries] == ["created"]
    assert (rejections[0].field, rejections[0].value) == ("closed_at", "〔电话〕号")


@pytest.mark.parametrize(
    "line",
    [
        '{"ticket_id":',
        "[1]",
        "3",
        "not json",
        '{"ticket_id":"1","ticket_id":' + "[" * 100000,
        '{"a":"\\ud800"}',
        '{"ticket_id":"1","created_at":"2019-07-08","text":NaN}',
        '{"ticket_id":{},"created_at":1}',
    ],
)
def test_a_bad_line_is_refused_and_the_rest_goes_on(line: str, tmp_path: Path) -> None:
    good = '{"ticket_id":"1","created_at":"2019-07-08","text":"停水"}'
    path = tmp_path / "x.jsonl"
    path.write_text(f"{good}\n{line}\n\n{good}\n")
    entries, rejections = read(path)
    assert [entry.line for entry in entries] == [1, 4]
    assert [rejection.line for rejection in rejections] == [2]


def test_a_huge_line_is_refused_without_reading_it_into_memory(tmp_path: Path) -> None:
    good = '{"ticket_id":"1","created_at":"2019-07-08","text":"停水"}'
    path = tmp_path / "x.jsonl"
    path.write_text(good + '\n{"text":"' + "x" * 10_000_000 + '"}\n' + good + "\n")
    tracemalloc.start()
    entries, rejections = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [entry.line for entry in entries] == [1, 3]
    assert "longer than 1024 KiB" in rejections[0].reason
    assert peak < 6_000_000


def test_bad_bytes_cost_one_line(tmp_path: Path) -> None:
    good = '{"ticket_id":"1","created_at":"2019-07-08","text":"停水"}\n'.encode()
    path = tmp_path / "x.jsonl"
    path.write_bytes(good * 5 + good.replace(b"\xe5", b"\xff", 1) + good)
    entries, rejections = read(path)
    assert (len(entries), [r.line for r in rejections]) == (6, [6])
    path = tmp_path / "x.csv"
    path.write_bytes(
        "工单编号,受理时间,诉求内容\n".encode() + "1,2019-07-08,停水\n".encode() * 20 + b"2,2019-07-08,\xff\n"
    )
    entries, rejections = read(path)
    assert (len(entries), [r.line for r in rejections]) == (20, [22])


def test_an_open_quotation_mark_does_not_swallow_the_file_silently(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    rows = "".join(f"{n},2019-07-08,停水\n" for n in range(12_000))
    path.write_text('工单编号,受理时间,诉求内容\n0,2019-07-08,"停水\n' + rows)
    entries, rejections = read(path)
    assert entries
    assert "quotation mark" in rejections[0].reason


def test_a_truncated_gzip_gives_what_it_has(tmp_path: Path) -> None:
    rows = "".join(f'{{"ticket_id":"{n}","created_at":"2019-07-08","text":"停水{n * 7919}"}}\n' for n in range(20_000))
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(rows.encode())[:-5000])
    entries, rejections = read(path)
    assert len(entries) > 1000
    assert "breaks off" in rejections[-1].reason


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\x7fELF\x00\x01\x02", "binary"),
        (bytes(range(128, 256)) * 20, "neither UTF-8"),
        (b"[1, 2]", "JSON array"),
        (b"PK\x03\x04 broken", "damaged workbook"),
        (b"\xd0\xcf\x11\xe0", "old Excel"),
        (b"\x1f\x8bbroken", "cannot be read"),
        ("甲,乙\n1,2\n".encode(), "the columns are 甲, 乙"),
        (b'{"a":1,"b":2}\n', "the columns are a, b"),
        (b'{"ticket_id":1}\n', "no column holds a time"),
        (b"{broken\n", "no line is a JSON object"),
    ],
)
def test_a_file_of_which_nothing_can_be_read(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=words) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no such file"):
        read(tmp_path / "absent")
    with pytest.raises(ReadError, match="is a directory"):
        read(tmp_path)


def test_a_mapped_column_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("id,time,text\n1,2019-07-08,a\n")
    with pytest.raises(ReadError, match='no column "tiem"; the columns are id, time, text'):
        read(path, "ticket_id=id,created_at=tiem")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a=b", 'no field "a"'),
        ("title", "is not FIELD=COLUMN"),
        ("title=a,title=b", "given twice"),
    ],
)
def test_a_wrong_map(text: str, words: str) -> None:
    with pytest.raises(ReadError, match=words):
        parse_map(text)
