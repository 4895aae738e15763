-- # of nothing
SELECT count(*) AS n, sum(id) AS s, avg(id) AS a, min(note) AS m, bool_and(cancelled) AS b FROM flights WHERE id > 99
----
n | s | a | m | b
0 | NULL | NULL | NULL | NULL

-- # nulls are passed over
SELECT count(*) AS n, count(arr_delay) AS c, sum(arr_delay) AS s, avg(arr_delay) AS a, count(DISTINCT origin) AS d FROM flights
----
n | c | s | a | d
8 | 6 | 33 | 5.5 | 3

-- # by carrier
SELECT carrier, count(*) AS n, avg(arr_delay) AS delay FROM flights GROUP BY carrier ORDER BY carrier
----
carrier | n | delay
AA | 2 | -3
B6 | 1 | 20
DL | 1 | 33
UA | 3 | 11
NULL | 1 | -25

-- # group by all
SELECT origin, cancelled, max(id) AS last FROM flights GROUP BY ALL ORDER BY ALL
----
origin | cancelled | last
EWR | false | 1
EWR | true | 7
EWR | NULL | 5
JFK | false | 8
LGA | false | 6
LGA | true | 3

-- # group by an alias and a position
SELECT upper(origin) AS o, month, count(*) AS n FROM flights GROUP BY o, 2 ORDER BY o, month
----
o | month | n
EWR | 1 | 1
EWR | 2 | 2
JFK | 1 | 2
JFK | 12 | 1
LGA | 1 | 1
LGA | 2 | 1

-- # having
SELECT carrier, count(*) AS n FROM flights GROUP BY carrier HAVING n > 1 ORDER BY carrier
----
carrier | n
AA | 2
UA | 3

-- # filtered aggregates
SELECT count(*) FILTER (WHERE cancelled) AS c, sum(id) FILTER (WHERE origin = 'JFK') AS s FROM flights
----
c | s
2 | 14

-- # true for all, true for some
SELECT origin, bool_and(cancelled) AS every, bool_or(cancelled) AS some, count_if(arr_delay > 0) AS late FROM flights GROUP BY origin ORDER BY origin
----
origin | every | some | late
EWR | false | true | 1
JFK | false | false | 2
LGA | false | true | 1

-- # spread
SELECT stddev(arr_delay) AS s, variance(arr_delay) AS v, median(arr_delay) AS m, quantile_cont(arr_delay, 0.25) AS q FROM flights
----
s | v | m | q
22.4566 | 504.3 | 11.5 | -10.75

-- # texts in order
SELECT origin, string_agg(carrier, ',' ORDER BY id DESC) AS c FROM flights GROUP BY origin ORDER BY origin
----
origin | c
EWR | UA,UA
JFK | DL,B6,AA
LGA | AA,UA

-- # rollup
SELECT origin, month, count(*) AS n FROM flights GROUP BY ROLLUP (origin, month) ORDER BY origin, month, n
----
origin | month | n
EWR | 1 | 1
EWR | 2 | 2
EWR | NULL | 3
JFK | 1 | 2
JFK | 12 | 1
JFK | NULL | 3
LGA | 1 | 1
LGA | 2 | 1
LGA | NULL | 2
NULL | NULL | 8

-- # grouping sets
SELECT origin, carrier, grouping(carrier) AS g, count(*) AS n FROM flights GROUP BY GROUPING SETS ((origin), (carrier)) ORDER BY ALL
----
origin | carrier | g | n
EWR | NULL | 1 | 3
JFK | NULL | 1 | 3
LGA | NULL | 1 | 2
NULL | AA | 0 | 2
NULL | B6 | 0 | 1
NULL | DL | 0 | 1
NULL | UA | 0 | 3
NULL | NULL | 0 | 1

-- # unaliased
SELECT sum(id), max(id) FROM flights
----
sum(id) | max(id)
36 | 8

-- # an aggregate of an aggregate needs a window
SELECT origin, sum(count(*)) OVER () AS total FROM flights GROUP BY origin ORDER BY origin
----
origin | total
EWR | 8
JFK | 8
LGA | 8
