-- # inner
SELECT f.id, p.year FROM flights f JOIN planes p ON f.tailnum = p.tailnum ORDER BY f.id
----
id | year
1 | 1999
2 | 2005
3 | 1999
4 | NULL
8 | 2005

-- # left using
SELECT id, tailnum, seats FROM flights LEFT JOIN planes USING (tailnum) ORDER BY id
----
id | tailnum | Seats
1 | N1 | 149
2 | N2 | 182
3 | N1 | 149
4 | N3 | 200
5 | N4 | NULL
6 | NULL | NULL
7 | N9 | NULL
8 | N2 | 182

-- # full using merges the column
SELECT tailnum, id, year FROM flights FULL JOIN planes USING (tailnum) ORDER BY tailnum, id
----
tailnum | id | year
N1 | 1 | 1999
N1 | 3 | 1999
N2 | 2 | 2005
N2 | 8 | 2005
N3 | 4 | NULL
N4 | 5 | NULL
N7 | NULL | 1987
N9 | 7 | NULL
NULL | 6 | NULL

-- # a star over using shows the column once
SELECT * EXCLUDE (hour, temp) FROM delays JOIN weather USING (origin) WHERE level = 3 ORDER BY wind
----
origin | at | level | wind
JFK | 2013-01-01 06:00:00 | 3 | 8
JFK | 2013-01-01 06:00:00 | 3 | NULL

-- # natural
SELECT count(*) AS n FROM flights NATURAL JOIN planes
----
n
5

-- # right
SELECT f.id, p.tailnum FROM flights f RIGHT JOIN planes p ON f.tailnum = p.tailnum ORDER BY p.tailnum, f.id
----
id | tailnum
1 | N1
3 | N1
2 | N2
8 | N2
4 | N3
NULL | N7

-- # semi and anti
SELECT p.tailnum FROM planes p ANTI JOIN flights f ON p.tailnum = f.tailnum
----
tailnum
N7

-- # with an inequality
SELECT a.id, b.id AS other FROM flights a JOIN flights b ON a.distance < b.distance AND a.origin = b.origin ORDER BY a.id, other
----
id | other
1 | 7
2 | 4
5 | 1
5 | 7
8 | 2
8 | 4

-- # to itself
SELECT a.id, b.id FROM flights a JOIN flights b ON a.tailnum = b.tailnum AND a.id < b.id ORDER BY 1
----
id | id_1
1 | 3
2 | 8

-- # by commas
SELECT count(*) AS n FROM planes, delays
----
n
16

-- # of three
SELECT f.id, w.temp, p.year FROM flights f JOIN weather w ON f.origin = w.origin JOIN planes p USING (tailnum) WHERE w.hour = '2013-01-01 05:00:00' ORDER BY f.id, w.temp
----
id | temp | year
1 | 39 | 1999
2 | NULL | 2005
4 | NULL | NULL
8 | NULL | 2005

-- # a condition of the left join is no filter
SELECT f.id, p.year FROM flights f LEFT JOIN planes p ON f.tailnum = p.tailnum AND p.year > 2000 WHERE f.id < 4 ORDER BY f.id
----
id | year
1 | NULL
2 | 2005
3 | NULL

-- # as of drops rows without a match
SELECT f.id, d.level FROM flights f ASOF JOIN delays d ON f.origin = d.origin AND f.sched >= d.at ORDER BY f.id
----
id | level
1 | 1
2 | 2
4 | 3
5 | 1
8 | 3

-- # as of left keeps them
SELECT f.id, d.level FROM flights f ASOF LEFT JOIN delays d ON f.origin = d.origin AND f.sched >= d.at ORDER BY f.id
----
id | level
1 | 1
2 | 2
3 | NULL
4 | 3
5 | 1
6 | NULL
7 | NULL
8 | 3
