-- # scalar
SELECT id FROM flights WHERE distance > (SELECT avg(distance) FROM flights) ORDER BY id
----
id
1
4
7

-- # correlated
SELECT p.tailnum, (SELECT count(*) FROM flights f WHERE f.tailnum = p.tailnum) AS n FROM planes p ORDER BY p.tailnum
----
tailnum | n
N1 | 2
N2 | 2
N3 | 1
N7 | 0

-- # exists
SELECT id FROM flights f WHERE EXISTS (SELECT 1 FROM planes p WHERE p.tailnum = f.tailnum AND p.year < 2000) ORDER BY id
----
id
1
3

-- # not in over nulls finds nothing
SELECT tailnum FROM planes WHERE tailnum NOT IN (SELECT tailnum FROM flights)
----
tailnum

-- # in as a value
SELECT tailnum, tailnum IN (SELECT tailnum FROM flights) AS flown FROM planes ORDER BY tailnum
----
tailnum | flown
N1 | true
N2 | true
N3 | true
N7 | NULL

-- # in from
SELECT o, n FROM (SELECT origin AS o, count(*) AS n FROM flights GROUP BY origin) WHERE n > 2 ORDER BY o
----
o | n
EWR | 3
JFK | 3

-- # with
WITH late AS (SELECT * FROM flights WHERE arr_delay > 0), by_origin AS (SELECT origin, count(*) AS n FROM late GROUP BY origin) SELECT * FROM by_origin ORDER BY origin
----
origin | n
EWR | 1
JFK | 2
LGA | 1

-- # with that hides a table
WITH planes AS (SELECT tailnum FROM planes WHERE year > 2000) SELECT * FROM planes
----
tailnum
N2

-- # recursive
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4) SELECT i FROM n ORDER BY i
----
i
1
2
3
4

-- # any and all
SELECT id FROM flights WHERE distance >= ALL (SELECT distance FROM flights)
----
id
7
