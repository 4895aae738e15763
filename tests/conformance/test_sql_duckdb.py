"""The same answers as DuckDB for the same text, over the tables of `tests/small_warehouse.py`.

The statements aim at what engines do differently: nulls and NaN, rounding, widths of integers, dates, names, joins.
Types may differ where the values do not (a sum is BIGINT here and HUGEINT there). Skipped where DuckDB is not
installed. Made with DuckDB 2.0.0.
"""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import pytest
from tests.small_warehouse import catalog, frames

from lakebed.sql import query

duckdb = pytest.importorskip("duckdb")

STATEMENTS = """
SELECT count(*), count(arr_delay), sum(arr_delay), avg(arr_delay), min(note), max(day) FROM flights
SELECT sum(id), avg(price), min(cancelled), max(cancelled), bool_or(cancelled) FROM flights WHERE id > 99
SELECT carrier, sum(price) AS p, avg(distance) AS d FROM flights GROUP BY carrier ORDER BY carrier
SELECT origin, month, count(*) FROM flights GROUP BY ALL ORDER BY ALL
SELECT origin, month, count(*) AS n FROM flights GROUP BY CUBE (origin, month) ORDER BY ALL
SELECT carrier, count(*) AS n FROM flights GROUP BY carrier HAVING count(*) > 1 AND n < 9 ORDER BY n DESC, carrier
SELECT dep_delay, count(*) FROM flights GROUP BY dep_delay ORDER BY dep_delay
SELECT stddev(distance), variance(arr_delay), median(distance), corr(id, distance) FROM flights
SELECT covar_samp(id, distance), stddev(price), variance(distance) FROM flights
SELECT quantile_cont(distance, 0.3), quantile_disc(distance, 0.3), quantile_disc(distance, 0.5) FROM flights
SELECT percentile_cont(0.25) WITHIN GROUP (ORDER BY distance) FROM flights
SELECT count(DISTINCT origin), sum(DISTINCT month), count(*) FILTER (WHERE cancelled), count_if(id > 3) FROM flights
SELECT string_agg(origin, '|' ORDER BY id DESC), array_agg(carrier ORDER BY id) FROM flights
SELECT id, arr_delay FROM flights ORDER BY arr_delay DESC, id
SELECT id, arr_delay FROM flights ORDER BY arr_delay NULLS FIRST, id DESC
SELECT id FROM flights ORDER BY dep_delay DESC, id
SELECT id, rank() OVER (ORDER BY arr_delay DESC) AS r FROM flights ORDER BY id
SELECT id, sum(distance) OVER (PARTITION BY origin ORDER BY month) AS s FROM flights ORDER BY id
SELECT id, ntile(3) OVER (ORDER BY id), percent_rank() OVER (ORDER BY origin) FROM flights ORDER BY id
SELECT id, cume_dist() OVER (ORDER BY origin), nth_value(id, 2) OVER (ORDER BY id) FROM flights ORDER BY id
SELECT id, avg(arr_delay) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM flights ORDER BY id
SELECT lag(carrier) OVER (PARTITION BY origin ORDER BY id), lead(id, 1, -1) OVER (ORDER BY id) FROM flights
SELECT origin, sum(count(*)) OVER (ORDER BY origin) FROM flights GROUP BY origin ORDER BY origin
SELECT id FROM flights QUALIFY row_number() OVER (PARTITION BY carrier ORDER BY id DESC) = 1 ORDER BY id
SELECT id FROM flights WHERE arr_delay > 0 IS NOT TRUE ORDER BY id
SELECT id, carrier NOT IN ('UA', NULL), carrier IS NOT DISTINCT FROM NULL FROM flights ORDER BY id
SELECT id FROM flights WHERE tailnum NOT IN (SELECT tailnum FROM planes) ORDER BY id
SELECT id, tailnum IN (SELECT tailnum FROM planes) FROM flights ORDER BY id
SELECT id, (SELECT max(year) FROM planes p WHERE p.tailnum = f.tailnum) FROM flights f ORDER BY id
SELECT id FROM flights f WHERE distance > (SELECT avg(distance) FROM flights g WHERE g.origin = f.origin) ORDER BY id
SELECT id FROM flights WHERE distance >= ALL (SELECT distance FROM flights WHERE origin = 'JFK') ORDER BY id
SELECT id FROM flights f WHERE NOT EXISTS (SELECT 1 FROM planes p WHERE p.tailnum = f.tailnum) ORDER BY id
SELECT tailnum, id, year FROM flights FULL JOIN planes USING (tailnum) ORDER BY tailnum, id
SELECT tailnum, id FROM flights RIGHT JOIN planes USING (tailnum) ORDER BY tailnum, id
SELECT f.id, p.tailnum FROM flights f FULL JOIN planes p ON f.tailnum = p.tailnum AND p.year > 2000 ORDER BY 1, 2
SELECT * EXCLUDE (note, price) FROM flights JOIN planes USING (tailnum) ORDER BY id
SELECT a.id, b.id FROM flights a LEFT JOIN flights b ON a.carrier = b.carrier AND a.id < b.id ORDER BY 1, 2
SELECT f.id, d.level FROM flights f ASOF JOIN delays d ON f.origin = d.origin AND f.sched >= d.at ORDER BY 1
SELECT f.id, d.level FROM flights f ASOF LEFT JOIN delays d ON f.origin = d.origin AND f.sched > d.at ORDER BY 1
SELECT origin FROM flights UNION SELECT origin FROM weather ORDER BY origin
SELECT origin, id FROM flights UNION ALL BY NAME SELECT level AS id, origin FROM delays ORDER BY ALL
SELECT tailnum FROM planes EXCEPT SELECT tailnum FROM flights ORDER BY 1
WITH flights AS (SELECT id + 1 AS id FROM flights) SELECT max(ID) FROM FLIGHTS
WITH RECURSIVE f(a, b) AS (SELECT 0, 1 UNION ALL SELECT b, a + b FROM f WHERE b < 50) SELECT a FROM f ORDER BY a
SELECT id * 2 AS twice, twice + 1 AS more FROM flights WHERE twice > 10 ORDER BY more DESC
SELECT id AS month, month AS id FROM flights ORDER BY month, id
SELECT SEATS, Year FROM Planes WHERE TailNum = 'N1'
SELECT 7 / 2, 7 // 2, -7 // 2, -7 % 4, 7 % -4, 1 / 0, -1.0 / 0, 2 ** 10, 0.1 + 0.2 = 0.3
SELECT month(day) * 1000, length(note) - 100, dayofyear(day) * 1000, extract(hour FROM sched) * 100 FROM flights
SELECT sum(distance), sum(month), avg(month), sum(arr_delay) FROM flights
SELECT round(2.5), round(-2.5), round(2.5::DOUBLE), round(0.125::DOUBLE, 2), trunc(-2.7), ceil(-0.5), floor(-0.5)
SELECT CAST(2.5::DOUBLE AS INTEGER), CAST(3.5::DOUBLE AS INTEGER), CAST(2.5 AS INTEGER), CAST('-2.5' AS INTEGER)
SELECT CAST(1.005 AS DECIMAL(10, 2)), CAST('1.005' AS DECIMAL(10, 2)), CAST(' 7 ' AS INTEGER), TRY_CAST('x' AS DOUBLE)
SELECT TRY_CAST('05.01.2013' AS DATE), TRY_CAST('2013/01/05' AS DATE), TRY_CAST('2013-01-05 10:00' AS DATE)
SELECT CAST(sched AS VARCHAR), CAST(day AS VARCHAR), CAST(price AS VARCHAR), CAST(id AS VARCHAR) FROM flights
SELECT greatest(dep_delay, 1), least(dep_delay, 1), isnan(dep_delay), isinf(dep_delay), abs(dep_delay) FROM flights
SELECT dep_delay > 1, dep_delay = dep_delay, dep_delay IN (0, 2), dep_delay BETWEEN -5 AND 5 FROM flights ORDER BY id
SELECT strpos(note, '.'), contains(note, '%'), instr(note, 'é'), replace(note, '.', ''), trim(note) FROM flights
SELECT substr(note, 2, 3), substr(note, -3), left(note, -2), right(note, 2), upper(note), length(note) FROM flights
SELECT lpad(origin, 5, '*'), split_part(note, '.', 2), starts_with(note, 'o'), concat(note, NULL, id) FROM flights
SELECT note LIKE '%\\_%' ESCAPE '\\', note ILIKE 'LATE%', note SIMILAR TO '[a-z.]+', note LIKE '' FROM flights
SELECT regexp_matches(note, '^[a-z]'), regexp_replace(note, 'e', '*'), regexp_replace(note, 'a|e', '', 'g') FROM flights
SELECT day + INTERVAL 1 MONTH, day - 1, day - DATE '2013-01-01', day + INTERVAL '36 hours', last_day(day) FROM flights
SELECT sched - INTERVAL '90 minutes', sched + INTERVAL '1 month', sched::DATE, date_trunc('week', sched) FROM flights
SELECT date_diff('day', day, '2013-02-01'::DATE), date_diff('week', day, '2013-02-01'::DATE) FROM flights ORDER BY id
SELECT date_diff('month', day, '2013-02-01'::DATE), date_diff('hour', sched, '2013-01-01'::TIMESTAMP) FROM flights
SELECT dayofweek(day), isodow(day), week(day), quarter(day), extract(epoch FROM sched) FROM flights
SELECT extract(isoyear FROM day), extract(decade FROM day), extract(millisecond FROM sched) FROM flights
SELECT strftime(sched, '%Y-%m-%d %H:%M:%S %j %p'), strptime('2013-01-05 10:11', '%Y-%m-%d %H:%M') FROM flights
SELECT id FROM flights WHERE sched >= '2013-01-15' AND day < '2013-12-31' ORDER BY id
SELECT id FROM flights WHERE day IN ('2013-01-01', '2013-01-31') OR sched = TIMESTAMP '2013-02-28 06:00:00' ORDER BY id
SELECT origin FROM weather WHERE hour > '2013-01-01 05:00:00' ORDER BY origin
SELECT CASE WHEN NULL THEN 1 ELSE 2 END, coalesce(NULL, 3), nullif(1, 1), NULL AND FALSE, NULL OR TRUE
SELECT 1 AS a WHERE 1 = 2
SELECT count(*) FROM flights HAVING count(*) > 99
SELECT DISTINCT ON (origin) origin, id FROM flights ORDER BY origin, distance DESC
SELECT i, i * i FROM range(1, 6, 2) AS r(i) ORDER BY i
""".strip().splitlines()


@pytest.fixture(scope="module")
def oracle() -> Any:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name, frame in frames().items():
        connection.register(name, frame.to_arrow())
    return connection


def test_statements_are_found() -> None:
    assert len(STATEMENTS) > 60
    assert len(set(STATEMENTS)) == len(STATEMENTS)


@pytest.mark.parametrize("text", STATEMENTS)
def test_same_rows_as_duckdb(text: str, oracle: Any) -> None:
    found = [tuple(plain(value) for value in row) for row in query(text, catalog()).rows()]
    table = oracle.sql(text).to_arrow_table()
    columns = [column.to_pylist() for column in table.columns]
    expected = [tuple(plain(value) for value in row) for row in zip(*columns, strict=True)]
    if "ORDER BY" not in text.rsplit(")", 1)[-1]:
        found, expected = sorted(found, key=repr), sorted(expected, key=repr)
    assert found == expected


def plain(value: Any) -> Any:
    """Numbers of every type as floats of 12 digits, times in UTC without zone, the rest as it is."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return value
    number = float(value)
    return "NaN" if math.isnan(number) else float(f"{number:.12g}") + 0.0
