-- # integers divide to a fraction
SELECT 7 / 2 AS a, 7 // 2 AS b, -7 // 2 AS c, -7 % 4 AS d
----
a | b | c | d
3.5 | 3 | -3 | -3

-- # division by zero
SELECT 1 / 0 AS a, -1.0 / 0 AS b
----
a | b
inf | -inf

-- # decimals add exactly
SELECT 0.1 + 0.2 = 0.3 AS exact, sum(price) AS total FROM flights
----
exact | total
true | 282.81

-- # decimals divide to a double
SELECT price / 4 AS q FROM flights WHERE id = 1
----
q
24.975

-- # parts of dates do not wrap
SELECT month * 100 + 5 AS a, month(day) * 1000 AS b, length(note) - 10 AS c FROM flights WHERE id IN (2, 8) ORDER BY id
----
a | b | c
105 | 1000 | -10
1205 | 12000 | -7

-- # sums of small integers do not wrap
SELECT sum(distance * distance) AS s, sum(month) AS m FROM flights
----
s | m
13135584 | 22

-- # casts round
SELECT CAST(2.5 AS INTEGER) AS a, CAST(CAST(2.5 AS DOUBLE) AS INTEGER) AS b, CAST(2.345 AS DECIMAL(10, 2)) AS c, CAST('12.5' AS INTEGER) AS d
----
a | b | c | d
3 | 2 | 2.35 | 13

-- # try_cast gives null
SELECT TRY_CAST(note AS INTEGER) AS a, TRY_CAST('31.01.2013' AS DATE) AS b FROM flights WHERE id = 1
----
a | b
NULL | NULL

-- # round goes away from zero
SELECT round(2.5) AS a, round(CAST(2.5 AS DOUBLE)) AS b, round(CAST(-0.125 AS DOUBLE), 2) AS c
----
a | b | c
3.0 | 3 | -0.13

-- # a text beside a date is a date
SELECT id FROM flights WHERE day BETWEEN '2013-01-01' AND '2013-01-15' ORDER BY id
----
id
1
2
4

-- # a text beside a zoned time is utc
SELECT origin FROM weather WHERE hour = '2013-01-01 06:00:00' ORDER BY origin
----
origin
EWR
JFK

-- # a text with an offset
SELECT count(*) AS n FROM weather WHERE hour = '2013-01-01T07:00:00+01:00'
----
n
2

-- # naive and zoned times do not compare
SELECT 1 FROM flights f JOIN weather w ON f.sched = w.hour
---- error SqlError
f.sched = w.hour compares a timestamp with a time zone and one without; write f.sched AT TIME ZONE 'UTC', or the zone that it was recorded in

-- # a number beside a text is refused
SELECT id FROM flights WHERE carrier = 1
---- error SqlError
flights.carrier has type TEXT and 1 has type INT in flights.carrier = 1; cast one side so that both have the same type

-- # dates and intervals
SELECT day - DATE '2013-01-01' AS days, day + 1 AS next, day + INTERVAL 1 MONTH AS later FROM flights WHERE id IN (3, 7) ORDER BY id
----
days | next | later
30 | 2013-02-01 | 2013-02-28 00:00:00
-307 | 2012-03-01 | 2012-03-29 00:00:00

-- # times and intervals
SELECT sched + INTERVAL '90 minutes' AS later, sched - INTERVAL 1 DAY AS before FROM flights WHERE id = 1
----
later | before
2013-01-01 06:45:00 | 2012-12-31 05:15:00

-- # at time zone
SELECT TIMESTAMP '2013-01-01 05:00:00' AT TIME ZONE 'America/New_York' AS utc
----
utc
2013-01-01 10:00:00+00:00

-- # NaN equals NaN and infinity is below it
SELECT id FROM flights WHERE dep_delay > 100 ORDER BY id
----
id
6
7
