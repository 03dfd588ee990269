"""Reads an upload, CSV or JSON, and notes every error with its line and column. Does not use the database.

Runs in a thread, in small steps: a long call in C would keep the GIL, and so block the event loop.
"""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from jiucom.domains.admin_parts import json_lines
from jiucom.domains.admin_parts.schemas import MAX_LINES, Line, LineError
from jiucom.errors import MAX_PROBLEMS, ApiError, ErrorCode
from jiucom.web.validation import convert

COLUMNS = tuple(each.encode_name for each in msgspec.structs.fields(Line))

# Characters of a line in the file, and of a cell. `Line` limits the fields themselves.
_MAX_LINE = 256 * 1024
csv.field_size_limit(64 * 1024)

# Characters of an unknown column's name in an error.
_SHOWN = 40

# Bytes decoded per step.
_PIECE = 64 * 1024

# Usual Korean syllables (KS X 1001) have at least this second byte. CP949 has 8,822 rare ones besides; the second byte of many
# of them is an ASCII letter.
_SECOND = 0xA1


@dataclass
class Upload:
    """The lines that could be read, with their numbers, and the errors of the others."""

    lines: list[tuple[int, Line]] = field(default_factory=list)
    count: int = 0  # including lines that could not be read
    errors: list[LineError] = field(default_factory=list)
    # Of all errors: `errors` holds the first MAX_PROBLEMS.
    error_count: int = 0

    def wrong(self, line: int, column: str, message: str) -> None:
        """Note an error."""
        self.error_count += 1
        if len(self.errors) < MAX_PROBLEMS:
            self.errors.append(LineError(line, column, message))

    def read(self, number: int, values: Any, *, strict: bool) -> None:
        """Read one line: decoded JSON when strict, texts otherwise."""
        self.count += 1
        try:
            line = convert(values, Line, strict=strict)
        except ApiError as error:
            for problem in error.errors:
                self.wrong(number, problem.field, problem.message)
            return
        self.lines.append((number, line))
        for column, message in line.contradictions():
            self.wrong(number, column, message)


def read_csv(raw: bytes) -> Upload:
    """Read a CSV file in UTF-8, or in CP949 as Korean spreadsheets write it. The first line holds the names of the columns.

    Raises ApiError 400 when it is not CSV, or too long.
    """
    upload = Upload()
    reader = csv.reader(_lines(_text(raw)), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        times = Counter(header)
        for name in header:
            if name not in COLUMNS:
                upload.wrong(1, name[:_SHOWN], f"알 수 없는 열입니다. 가능한 열: {', '.join(COLUMNS)}")
            elif times[name] > 1:
                upload.wrong(1, name, "같은 열이 두 번 있습니다")
        if upload.errors:
            return upload
        for count, (number, row) in enumerate(_numbered(reader), 1):
            _limit(count)
            if len(row) > len(header):
                upload.count += 1
                upload.wrong(number, "", f"열이 {len(header)}개보다 많습니다")
            else:
                values = zip(header, (cell.strip() for cell in row), strict=False)
                upload.read(number, {name: cell for name, cell in values if cell}, strict=False)
    except csv.Error as error:
        raise ApiError(ErrorCode.BAD_REQUEST, f"CSV를 읽을 수 없습니다 (줄 {reader.line_num}): {error}") from None
    return upload


def read_json(raw: bytes) -> Upload:
    """Read a JSON array of lines. Raises ApiError 400 when it is not one, or too long."""
    upload = Upload()
    for number, item in enumerate(json_lines.items(raw), 1):
        _limit(number)
        try:
            row = msgspec.json.decode(item)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise ApiError(ErrorCode.BAD_REQUEST, f"{number}번째 항목이 올바른 JSON이 아닙니다.") from None
        upload.read(number, row, strict=True)
    return upload


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not empty, each with the number of its first line."""
    number = reader.line_num + 1
    for row in reader:
        if any(cell.strip() for cell in row):
            yield number, row
        number = reader.line_num + 1


def _lines(text: str) -> Iterator[str]:
    """The lines of a file, with their line ends, for the CSV reader."""
    for line in io.StringIO(text, newline=""):
        if len(line) > _MAX_LINE:
            raise ApiError(ErrorCode.BAD_REQUEST, f"한 줄은 {_MAX_LINE:,}자 이하여야 합니다.")
        yield line


def _text(raw: bytes) -> str:
    for encoding in ("utf-8-sig", "cp949"):
        try:
            text = "".join(codecs.iterdecode(_pieces(raw), encoding))
        except UnicodeDecodeError:
            continue
        if encoding != "cp949" or _is_korean(text):
            return text
    raise ApiError(ErrorCode.BAD_REQUEST, "UTF-8 또는 CP949로 저장한 파일이어야 합니다.")


def _pieces(raw: bytes) -> Iterator[bytes]:
    return (raw[at : at + _PIECE] for at in range(0, len(raw), _PIECE))


def _is_korean(text: str) -> bool:
    """Whether a text decoded as CP949 is really Korean: not if all its syllables are rare ones. `Intel®Core` in Latin-1 would
    be read as `Intel췈ore`."""
    syllables = Counter(char for char in text if "가" <= char <= "힣")
    return not syllables or any(char.encode("cp949")[1] >= _SECOND for char in syllables)


def _limit(count: int) -> None:
    if count > MAX_LINES:
        raise ApiError(ErrorCode.BAD_REQUEST, f"한 번에 {MAX_LINES:,}줄까지 올릴 수 있습니다.")
