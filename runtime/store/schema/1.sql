CREATE TABLE samples (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    content_hash TEXT NOT NULL UNIQUE CHECK (length(content_hash) = 64), -- SHA-256 of the image file, lower-case hex
    label        TEXT CHECK (label <> ''),                              -- NULL: not labelled
    split        TEXT NOT NULL CHECK (split IN ('train', 'validation', 'test')),
    group_key    TEXT,                                                  -- NULL: a group of its own
    source       TEXT NOT NULL,                                         -- path or URL the image came from
    added_at     INTEGER NOT NULL,                                      -- seconds since 1970-01-01 UTC
    width        INTEGER NOT NULL CHECK (width > 0),                    -- pixels, as displayed
    height       INTEGER NOT NULL CHECK (height > 0)
);

CREATE INDEX samples_by_label ON samples (label);

CREATE TABLE thumbnails (
    sample_id INTEGER PRIMARY KEY REFERENCES samples (id) ON DELETE CASCADE,
    image     BLOB NOT NULL
);

CREATE TABLE backbones (
    id          INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE CHECK (length(fingerprint) = 64),  -- SHA-256, lower-case hex
    dim         INTEGER NOT NULL CHECK (dim > 0)                        -- length of its feature vectors
);

CREATE TABLE features (
    sample_id   INTEGER NOT NULL REFERENCES samples (id) ON DELETE CASCADE,
    backbone_id INTEGER NOT NULL REFERENCES backbones (id),
    vector      BLOB NOT NULL,                                          -- dim x IEEE 754 binary32, little endian
    PRIMARY KEY (sample_id, backbone_id)
);

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
