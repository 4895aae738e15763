-- # of numbers
SELECT abs(-2) AS a, sign(-2.5) AS b, ceil(1.2) AS c, floor(-1.2) AS d, sqrt(16) AS e, power(2, 10) AS f, log(1000) AS g, ln(1) AS h, mod(7, 3) AS i
----
a | b | c | d | e | f | g | h | i
2 | -1 | 2.0 | -2.0 | 4 | 1024 | 3 | 0 | 1

-- # of text
SELECT upper(note) AS u, trim(note) AS t, length(note) AS n, left(note, 2) AS l, substr(note, -3) AS e FROM flights WHERE id IN (1, 6, 8) ORDER BY id
----
u | t | n | l | e
ON TIME | on time | 7 | on | ime
' PADDED ' | padded | 8 | ' p' | 'ed '
ÉTÉ | été | 3 | ét | été

-- # searches for the text itself
SELECT id, strpos(note, '.') AS p, contains(note, '%') AS c, replace(note, '.', '-') AS r FROM flights WHERE id IN (4, 5, 7) ORDER BY id
----
id | p | c | r
4 | 0 | true | 50% off
5 | NULL | NULL | NULL
7 | 2 | false | a-b-c

-- # like
SELECT id, note LIKE '%\_%' ESCAPE '\' AS a, note ILIKE 'LATE%' AS b, note LIKE '' AS c FROM flights WHERE id IN (2, 3) ORDER BY id
----
id | a | b | c
2 | false | false | true
3 | true | true | false

-- # regular expressions
SELECT regexp_matches(note, '^[a-z ]+$') AS a, regexp_replace(note, '[aeiou]', '*', 'g') AS b FROM flights WHERE id = 1
----
a | b
true | *n t*m*

-- # concatenation
SELECT origin || '-' || id AS a, concat(carrier, id) AS b, concat_ws('/', carrier, origin) AS c FROM flights WHERE id IN (1, 5) ORDER BY id
----
a | b | c
EWR-1 | UA1 | UA/EWR
EWR-5 | 5 | EWR

-- # of dates
SELECT year(day) AS y, month(day) AS m, dayofweek(day) AS w, week(day) AS k, quarter(day) AS q, dayofyear(day) AS n, last_day(day) AS l FROM flights WHERE id IN (7, 8) ORDER BY id
----
y | m | w | k | q | n | l
2012 | 2 | 3 | 9 | 1 | 60 | 2012-02-29
2013 | 12 | 2 | 1 | 4 | 365 | 2013-12-31

-- # of times
SELECT hour(sched) AS h, minute(sched) AS m, extract(second FROM sched) AS s, date_trunc('hour', sched) AS t, strftime(sched, '%Y-%m-%d %H:%M') AS f FROM flights WHERE id IN (3, 4) ORDER BY id
----
h | m | s | t | f
23 | 59 | 59 | 2013-01-31 23:00:00 | 2013-01-31 23:59
12 | 0 | 0 | 2013-01-15 12:00:00 | 2013-01-15 12:00

-- # date_diff counts boundaries
SELECT date_diff('day', TIMESTAMP '2013-01-01 23:59:00', TIMESTAMP '2013-01-02 00:01:00') AS d, date_diff('year', DATE '2012-12-31', DATE '2013-01-01') AS y, date_diff('hour', TIMESTAMP '2013-01-01 05:59:00', TIMESTAMP '2013-01-01 06:00:00') AS h
----
d | y | h
1 | 1 | 1

-- # greatest and least pass over nulls
SELECT greatest(1, NULL, 3) AS g, least(2, NULL) AS l
----
g | l
3 | 2

-- # an unknown one
SELECT lenght(note) FROM flights
---- error SqlUnsupportedError
the function lenght is not supported in SQL; apply it to the result with Polars (functions of a similar name: length, left)

-- # one without an exact equivalent
SELECT arg_max(id, distance) FROM flights
---- error SqlUnsupportedError
ARG_MAX(flights.id, flights.distance) is not supported in SQL; use ROW_NUMBER() with QUALIFY
