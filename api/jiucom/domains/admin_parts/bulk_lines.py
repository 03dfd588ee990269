"""Reads an upload: CSV or JSON to lines, with every error by line and column. No database here."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from jiucom.domains.admin_parts.schemas import MAX_ERRORS, MAX_LINES, Line, LineError
from jiucom.errors import ApiError, ErrorCode
from jiucom.web.validation import convert

COLUMNS = tuple(each.encode_name for each in msgspec.structs.fields(Line))

# Long enough for specifications, which `Line` limits itself.
csv.field_size_limit(1024 * 1024)


@dataclass
class Upload:
    """Lines that could be read, each with its number, and what is wrong with the others."""

    lines: list[tuple[int, Line]] = field(default_factory=list)
    count: int = 0  # with those that could not be read
    errors: list[LineError] = field(default_factory=list)
    # All of them: `errors` ends at MAX_ERRORS.
    error_count: int = 0

    def wrong(self, line: int, column: str, message: str) -> None:
        """Note an error."""
        self.error_count += 1
        if len(self.errors) < MAX_ERRORS:
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
    """A CSV file: UTF-8 or, as spreadsheets of Korean offices write it, CP949. The first line names the columns.

    Raises ApiError 400 for what is no such file, or too long.
    """
    upload = Upload()
    reader = csv.reader(io.StringIO(_text(raw), newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        for name in header:
            if name not in COLUMNS:
                upload.wrong(1, name, f"알 수 없는 열입니다. 가능한 열: {', '.join(COLUMNS)}")
            elif header.count(name) > 1:
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
    """A JSON array of lines. Raises ApiError 400 for what is none, or too long."""
    try:
        rows = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ApiError(ErrorCode.BAD_REQUEST, "요청 본문이 올바른 JSON이 아닙니다.") from None
    if not isinstance(rows, list):
        raise ApiError(ErrorCode.BAD_REQUEST, "JSON 배열이어야 합니다.")
    _limit(len(rows))
    upload = Upload()
    for number, row in enumerate(rows, 1):
        upload.read(number, row, strict=True)
    return upload


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not empty, with the number of the line each begins in."""
    number = reader.line_num + 1
    for row in reader:
        if any(cell.strip() for cell in row):
            yield number, row
        number = reader.line_num + 1


def _text(raw: bytes) -> str:
    for encoding in ("utf-8-sig", "cp949"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ApiError(ErrorCode.BAD_REQUEST, "UTF-8 또는 CP949로 저장한 파일이어야 합니다.")


def _limit(count: int) -> None:
    if count > MAX_LINES:
        raise ApiError(ErrorCode.BAD_REQUEST, f"한 번에 {MAX_LINES:,}줄까지 올릴 수 있습니다.")
