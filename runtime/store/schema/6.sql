-- Pictures of cameras that wait for a label.
CREATE TABLE review (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    content_hash TEXT NOT NULL UNIQUE CHECK (length(content_hash) = 64), -- as in samples, of a picture that is none yet
    at           INTEGER NOT NULL,                                      -- milliseconds since 1970-01-01 UTC
    camera       TEXT NOT NULL,
    group_key    TEXT NOT NULL,                                         -- of what happened before the camera
    answer       TEXT NOT NULL,                                         -- what the head said of it; JSON
    why          TEXT NOT NULL CHECK (why IN ('unsure', 'unknown', 'disagreeing', 'far')),
    usefulness   REAL NOT NULL,                                         -- the least goes first
    backbone_id  INTEGER NOT NULL REFERENCES backbones (id),
    revision     INTEGER NOT NULL,                                      -- as in features
    vector       BLOB NOT NULL,                                         -- as in features
    checksum     INTEGER NOT NULL,                                      -- of hash, fingerprint and vector
    picture      BLOB NOT NULL                                          -- an encoded image; last, since the others are read without it
);

-- Pictures that nobody wanted to label: enough to know them again, and what looks much like them.
CREATE TABLE dismissed (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    content_hash TEXT NOT NULL UNIQUE,
    backbone_id  INTEGER NOT NULL REFERENCES backbones (id),
    vector       BLOB NOT NULL
);
