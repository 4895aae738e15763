-- # a table at a tag
SELECT count(*) AS n FROM flights AT (VERSION => 'january')
----
n
4

-- # the same table at two versions
SELECT a.carrier, count(DISTINCT b.id) AS january, count(DISTINCT a.id) AS now FROM flights a LEFT JOIN flights AT (VERSION => 'january') AS b ON a.carrier = b.carrier GROUP BY a.carrier ORDER BY a.carrier
----
carrier | january | now
AA | 1 | 2
B6 | 1 | 1
DL | 0 | 1
UA | 2 | 3
NULL | 0 | 1

-- # rows that came later
SELECT id FROM flights EXCEPT SELECT id FROM flights FOR VERSION AS OF 'january' ORDER BY id
----
id
5
6
7
8

-- # in a subquery
SELECT (SELECT max(id) FROM flights AT (VERSION => 'january')) AS before, max(id) AS now FROM flights
----
before | now
4 | 8

-- # an unknown version
SELECT 1 FROM flights AT (VERSION => 'february')
---- error VersionNotFoundError
there is no version 'february'; the versions are 'head', 'january' (line 1, column 15)

-- # a table that a version does not have
SELECT 1 FROM delays FOR VERSION AS OF 'january'
---- error TableNotFoundError
there is no table 'delays' at version 'january'; the tables are 'flights', 'planes' (line 1, column 15)

-- # a changed statement
DELETE FROM flights
---- error SqlUnsupportedError
DELETE is not supported in SQL, which only reads here; use `warehouse.table(name).delete(where=...)`
