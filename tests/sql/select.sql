-- # literals without a table
SELECT 1 AS one, 'a''b' AS text, NULL AS nothing, TRUE AS yes, 1.5 AS half, DATE '2013-01-31' AS day
----
one | text | nothing | yes | half | day
1 | a'b | NULL | true | 1.5 | 2013-01-31

-- # a filter without a table
SELECT 1 AS a WHERE FALSE
----
a

-- # an aggregate without a table
SELECT count(*) AS n, sum(2) AS s
----
n | s
1 | 2

-- # columns in the order of the text
SELECT origin, id FROM flights WHERE id < 3 ORDER BY id
----
origin | id
EWR | 1
JFK | 2

-- # a star
SELECT * FROM planes ORDER BY tailnum
----
tailnum | year | Seats
N1 | 1999 | 149
N2 | 2005 | 182
N3 | NULL | 200
N7 | 1987 | NULL

-- # a star of one table
SELECT p.*, f.id FROM flights f JOIN planes p ON f.tailnum = p.tailnum WHERE f.id = 4
----
tailnum | year | Seats | id
N3 | NULL | 200 | 4

-- # a star without some columns
SELECT * EXCLUDE (seats, year) FROM planes ORDER BY tailnum
----
tailnum
N1
N2
N3
N7

-- # a star with a column replaced
SELECT * REPLACE (year + 1 AS year) FROM planes ORDER BY tailnum
----
tailnum | year | Seats
N1 | 2000 | 149
N2 | 2006 | 182
N3 | NULL | 200
N7 | 1988 | NULL

-- # a star with a column renamed
SELECT * RENAME (Seats AS places) FROM planes ORDER BY tailnum DESC LIMIT 1
----
tailnum | year | places
N7 | 1987 | NULL

-- # an alias used beside it
SELECT id * 2 AS twice, twice + 1 AS more FROM flights WHERE twice < 5 ORDER BY id
----
twice | more
2 | 3
4 | 5

-- # order by position and alias
SELECT carrier AS c, id AS n FROM flights WHERE id < 5 ORDER BY 1 DESC, n
----
c | n
UA | 1
UA | 3
B6 | 4
AA | 2

-- # order by an expression that is not shown
SELECT id FROM flights WHERE id < 5 ORDER BY -distance
----
id
4
1
2
3

-- # nulls are last in ascending order
SELECT arr_delay FROM flights ORDER BY arr_delay
----
arr_delay
-25
-18
11
12
20
33
NULL
NULL

-- # nulls are last in descending order
SELECT arr_delay FROM flights ORDER BY arr_delay DESC
----
arr_delay
33
20
12
11
-18
-25
NULL
NULL

-- # nulls first where the text says so
SELECT carrier FROM flights ORDER BY carrier NULLS FIRST
----
carrier
NULL
AA
AA
B6
DL
UA
UA
UA

-- # NaN sorts above every number
SELECT id, dep_delay FROM flights ORDER BY dep_delay DESC, id
----
id | dep_delay
6 | nan
7 | inf
4 | 17.5
1 | 2
5 | 0
2 | -4
8 | -4
3 | NULL

-- # order by all
SELECT cancelled, month FROM flights ORDER BY ALL
----
cancelled | month
false | 1
false | 1
false | 1
false | 2
false | 12
true | 1
true | 2
NULL | 2

-- # limit and offset
SELECT id FROM flights ORDER BY id LIMIT 2 OFFSET 3
----
id
4
5

-- # distinct
SELECT DISTINCT carrier FROM flights ORDER BY carrier
----
carrier
AA
B6
DL
UA
NULL

-- # distinct on
SELECT DISTINCT ON (origin) origin, id FROM flights ORDER BY origin, id DESC
----
origin | id
EWR | 7
JFK | 8
LGA | 6

-- # values
SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS v(i, t) ORDER BY i
----
i | t
1 | a
2 | NULL

-- # from first
FROM planes SELECT tailnum WHERE year > 2000
----
tailnum
N2

-- # quoted names keep odd characters
SELECT id AS "the id, ""quoted""" FROM flights WHERE id = 1
----
the id, "quoted"
1
