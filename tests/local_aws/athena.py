"""What Athena makes of a bucket: the tables of the Glue catalog read as their definitions say, and the
saved queries, in DuckDB. Columns, types, SerDes, locations and the range of dates are those of the
catalog; where a value does not fit its column, or a field has none, that is an error here.
"""

import json
import re
from datetime import date, timedelta

import duckdb
import sqlglot
from sqlglot import expressions

TYPES = {
    "string": ("VARCHAR", str),
    "int": ("INTEGER", int),
    "bigint": ("BIGINT", int),
    "boolean": ("BOOLEAN", bool),
}
JSON = "org.openx.data.jsonserde.JsonSerDe"
REGEX = "org.apache.hadoop.hive.serde2.RegexSerDe"
SYMLINK = "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"
TEXT = "org.apache.hadoop.mapred.TextInputFormat"


class Athena:
    """The tables of a database over `keys` of buckets, which `read` reads by bucket and key, on the day
    `today`."""

    def __init__(self, tables, keys, read, today):
        self.today = today
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        for table in tables:
            self._load(table, keys, read)

    def _load(self, table, keys, read):
        name, storage, columns = table["Name"], table["StorageDescriptor"], columns_of(table)
        declared = ", ".join(f'"{column}" {_duckdb_type(type)}' for column, type in columns.items())
        self.connection.execute(f'CREATE TABLE {name} ({declared}, "$path" VARCHAR)')
        assert storage["InputFormat"] in (TEXT, SYMLINK), name
        places = ", ".join("?" * (len(columns) + 1))
        for day, address in _files(table, keys, self.today):
            paths = [address]
            if storage["InputFormat"] == SYMLINK:
                paths = read(*_place(address)).decode().splitlines()
            for path in paths:
                for record in _records(table, read(*_place(path)).decode()):
                    row = [_fitting(record[column], type) for column, type in list(columns.items())[:-1]]
                    self.connection.execute(f"INSERT INTO {name} VALUES ({places})", [*row, day, path])

    def query(self, sql):
        """The rows of a query in Athena's own SQL."""
        answer = self.connection.execute(self._translated(sql))
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def _translated(self, sql):
        """The query in DuckDB's SQL, which differs in what it makes of times."""

        def today(node):
            day = expressions.Literal.string(self.today.isoformat())
            return expressions.cast(day, "date") if isinstance(node, expressions.CurrentDate) else node

        def utc(node):
            is_time = isinstance(node, expressions.FromISO8601Timestamp)
            return expressions.cast(node, "timestamp") if is_time else node

        # A date less some days is a date to Athena, and a time to DuckDB.
        def date(node):
            is_date = isinstance(node, expressions.Sub) and isinstance(node.expression, expressions.Interval)
            return expressions.cast(node, "date") if is_date else node

        def dates(node):
            return expressions.cast(node, "date[]") if isinstance(node, expressions.GenerateSeries) else node

        # Whole days to Athena, and the midnights between to DuckDB.
        def days(node):
            if not isinstance(node, expressions.DateDiff):
                return node
            unit = expressions.Literal.string(node.text("unit"))
            return expressions.Anonymous(this="date_sub", expressions=[unit, node.expression, node.this])

        tree = sqlglot.parse_one(sql, read="athena")
        for change in (today, utc, date, dates, days):
            tree = tree.transform(change)
        return tree.sql("duckdb", comments=False)


def columns_of(table):
    """The columns of a table with their types, that of the folder last."""
    columns = [*table["StorageDescriptor"]["Columns"], *table["PartitionKeys"]]
    assert len({column["Name"] for column in columns}) == len(columns), table["Name"]
    return {column["Name"]: column["Type"] for column in columns}


def _files(table, keys, today):
    """The objects of a table, each with its date: the folders of all dates that the projection counts."""
    parameters = table["Parameters"]
    assert parameters["projection.enabled"] == "true"
    assert [key["Name"] for key in table["PartitionKeys"]] == ["date"]
    projection = {name: parameters[f"projection.date.{name}"] for name in ("type", "format", "interval", "interval.unit")}
    assert projection == {"type": "date", "format": "yyyy-MM-dd", "interval": "1", "interval.unit": "DAYS"}
    first, last = parameters["projection.date.range"].split(",")
    assert last == "NOW"
    day = date.fromisoformat(first)
    while day <= today:
        folder = parameters["storage.location.template"].replace("${date}", day.isoformat())
        assert folder.startswith(table["StorageDescriptor"]["Location"]) and folder.endswith("/")
        yield from ((day.isoformat(), address) for address in keys if address.startswith(folder))
        day += timedelta(days=1)


def _place(address):
    return re.fullmatch(r"s3://([^/]+)/(.+)", address).groups()


def _records(table, text):
    serde = table["StorageDescriptor"]["SerdeInfo"]
    columns = list(columns_of(table))[:-1]
    # As Hive ends a line.
    lines = re.split(r"\r\n|\n|\r", text)
    lines = lines[:-1] if lines[-1] == "" else lines
    lines = lines[int(table["Parameters"].get("skip.header.line.count", 0)) :]
    for line in lines:
        if serde["SerializationLibrary"] == JSON:
            record = json.loads(line)
            record.pop("date", None)
            assert list(record) == columns, f"{table['Name']} has other columns than its lines have fields"
            yield record
        else:
            assert serde["SerializationLibrary"] == REGEX
            pattern = re.compile(serde["Parameters"]["input.regex"])
            assert pattern.groups == len(columns)
            row = pattern.fullmatch(line)
            yield dict(zip(columns, row.groups() if row else [None] * len(columns), strict=True))


def _duckdb_type(type):
    if fields := _fields(type):
        return f"STRUCT({', '.join(f'{name} {_duckdb_type(of)}' for name, of in fields.items())})"
    return TYPES[type][0]


def _fields(type):
    struct = re.fullmatch(r"struct<(.*)>", type)
    return dict(field.split(":") for field in struct[1].split(",")) if struct else None


def _fitting(value, type):
    if value is None:
        return None
    if fields := _fields(type):
        assert list(value) == list(fields), f"{value} is no {type}"
        return {name: _fitting(value[name], of) for name, of in fields.items()}
    # A bool is an int to Python.
    assert value.__class__ is TYPES[type][1], f"{value!r} is no {type}"
    return value
