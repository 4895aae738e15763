-- # union removes duplicates
SELECT origin FROM flights UNION SELECT origin FROM weather ORDER BY origin
----
origin
EWR
JFK
LGA
SFO

-- # union all keeps them
SELECT count(*) AS n FROM (SELECT origin FROM flights UNION ALL SELECT origin FROM weather)
----
n
13

-- # union by name
SELECT tailnum, year FROM planes UNION ALL BY NAME SELECT tailnum, id FROM flights WHERE id = 1 ORDER BY tailnum, year
----
tailnum | year | id
N1 | 1999 | NULL
N1 | NULL | 1
N2 | 2005 | NULL
N3 | NULL | NULL
N7 | 1987 | NULL

-- # intersect
SELECT origin FROM flights INTERSECT SELECT origin FROM delays ORDER BY origin
----
origin
EWR
JFK

-- # except
SELECT origin FROM weather EXCEPT SELECT origin FROM flights
----
origin
SFO

-- # columns are matched by position
SELECT id AS a, month AS b FROM flights WHERE id = 1 UNION ALL SELECT year, Seats FROM planes WHERE tailnum = 'N2' ORDER BY a
----
a | b
1 | 1
2005 | 182
