-- # running sum
SELECT id, sum(id) OVER (ORDER BY id) AS s FROM flights ORDER BY id LIMIT 4
----
id | s
1 | 1
2 | 3
3 | 6
4 | 10

-- # by partition
SELECT id, row_number() OVER (PARTITION BY origin ORDER BY id) AS r, count(*) OVER (PARTITION BY origin) AS n FROM flights ORDER BY id
----
id | r | n
1 | 1 | 3
2 | 1 | 3
3 | 1 | 2
4 | 2 | 3
5 | 2 | 3
6 | 2 | 2
7 | 3 | 3
8 | 3 | 3

-- # ranks with ties, nulls last
SELECT id, rank() OVER (ORDER BY arr_delay DESC) AS r, dense_rank() OVER (ORDER BY dep_delay) AS d FROM flights ORDER BY id
----
id | r | d
1 | 4 | 3
2 | 5 | 1
3 | 7 | 7
4 | 2 | 4
5 | 6 | 2
6 | 3 | 6
7 | 7 | 5
8 | 1 | 1

-- # before and after
SELECT id, lag(id) OVER (ORDER BY id) AS l, lead(id, 2, 0) OVER (ORDER BY id) AS n FROM flights WHERE id < 4 ORDER BY id
----
id | l | n
1 | NULL | 3
2 | 1 | 0
3 | 2 | 0

-- # first and last of the frame
SELECT id, first_value(id) OVER (PARTITION BY origin ORDER BY id) AS f, last_value(id) OVER (PARTITION BY origin ORDER BY id) AS l FROM flights ORDER BY id
----
id | f | l
1 | 1 | 1
2 | 2 | 2
3 | 3 | 3
4 | 2 | 4
5 | 1 | 5
6 | 3 | 6
7 | 1 | 7
8 | 2 | 8

-- # the last two rows
SELECT id, sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s FROM flights ORDER BY id LIMIT 3
----
id | s
1 | 1
2 | 3
3 | 5

-- # named, and qualify
SELECT origin, id FROM flights QUALIFY row_number() OVER w = 1 WINDOW w AS (PARTITION BY origin ORDER BY distance DESC) ORDER BY origin
----
origin | id
EWR | 7
JFK | 4
LGA | 3

-- # a frame that looks ahead is refused
SELECT sum(id) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) FROM flights
---- error SqlUnsupportedError
the query cannot be run: SUM with window frame 'ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING' is not supported
