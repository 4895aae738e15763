-- # three-valued logic
SELECT NULL AND FALSE AS a, NULL OR TRUE AS b, NOT NULL AS c, NULL = NULL AS d, NULL IS NULL AS e
----
a | b | c | d | e
false | true | NULL | NULL | true

-- # not in with a null finds nothing
SELECT id FROM flights WHERE carrier NOT IN ('UA', NULL)
----
id

-- # in with a null is unknown, not false
SELECT id, carrier IN ('UA', NULL) AS found FROM flights WHERE id IN (1, 2, 5) ORDER BY id
----
id | found
1 | true
2 | NULL
5 | NULL

-- # is true is never null
SELECT id, cancelled IS TRUE AS a, cancelled IS NOT TRUE AS b, cancelled IS FALSE AS c FROM flights WHERE id IN (1, 3, 5) ORDER BY id
----
id | a | b | c
1 | false | true | true
3 | true | false | false
5 | false | true | false

-- # is distinct from
SELECT id FROM flights WHERE carrier IS DISTINCT FROM 'UA' ORDER BY id
----
id
2
4
5
6
8

-- # between with a null bound
SELECT count(*) AS n FROM flights WHERE id BETWEEN NULL AND 3
----
n
0

-- # case without else
SELECT id, CASE WHEN arr_delay > 0 THEN 'late' WHEN arr_delay <= 0 THEN 'early' END AS state FROM flights ORDER BY id
----
id | state
1 | late
2 | early
3 | NULL
4 | late
5 | early
6 | late
7 | NULL
8 | late

-- # a null condition
SELECT id FROM flights WHERE NULL
----
id

-- # coalesce and nullif
SELECT coalesce(carrier, 'none') AS c, nullif(origin, 'JFK') AS o FROM flights WHERE id IN (4, 5) ORDER BY id
----
c | o
B6 | NULL
none | EWR
