-- Sums over features, from which nothing is made any more. `secure_delete` overwrites their pages.
DROP TABLE statistics;

CREATE TABLE removed (
    content_hash TEXT PRIMARY KEY,                                      -- as in samples, of an image that is not there
    at           INTEGER NOT NULL                                       -- seconds since 1970-01-01 UTC
) WITHOUT ROWID;
