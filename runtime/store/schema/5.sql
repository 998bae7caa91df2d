-- What was changed by hand, so that it can be taken back for a while.
CREATE TABLE changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL                                                 -- seconds since 1970-01-01 UTC
);

CREATE TABLE relabelled (
    change_id INTEGER NOT NULL REFERENCES changes (id) ON DELETE CASCADE,
    sample_id INTEGER NOT NULL,                                         -- which may be removed meanwhile
    old_label TEXT,                                                     -- as in samples
    new_label TEXT,
    PRIMARY KEY (change_id, sample_id)
) WITHOUT ROWID;

-- Removed rows as they were: in no list and in no fit.
CREATE TABLE removed_samples (
    id           INTEGER PRIMARY KEY,
    change_id    INTEGER NOT NULL REFERENCES changes (id) ON DELETE CASCADE,
    content_hash TEXT NOT NULL,
    label        TEXT,
    split        TEXT NOT NULL,
    group_key    TEXT,
    source       TEXT NOT NULL,
    added_at     INTEGER NOT NULL,
    width        INTEGER NOT NULL,
    height       INTEGER NOT NULL,
    checksum     INTEGER
);

CREATE INDEX removed_samples_by_change ON removed_samples (change_id);

CREATE TABLE removed_thumbnails (
    sample_id INTEGER PRIMARY KEY REFERENCES removed_samples (id) ON DELETE CASCADE,
    image     BLOB NOT NULL
);

CREATE TABLE removed_features (
    sample_id   INTEGER NOT NULL REFERENCES removed_samples (id) ON DELETE CASCADE,
    backbone_id INTEGER NOT NULL REFERENCES backbones (id),
    vector      BLOB NOT NULL,
    checksum    INTEGER,
    revision    INTEGER NOT NULL,
    PRIMARY KEY (sample_id, backbone_id)
);

CREATE TABLE removed_views (
    sample_id   INTEGER NOT NULL REFERENCES removed_samples (id) ON DELETE CASCADE,
    backbone_id INTEGER NOT NULL REFERENCES backbones (id),
    number      INTEGER NOT NULL,
    vector      BLOB NOT NULL,
    checksum    INTEGER,
    PRIMARY KEY (sample_id, backbone_id, number)
);
