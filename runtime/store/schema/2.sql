CREATE TABLE views (
    sample_id   INTEGER NOT NULL REFERENCES samples (id) ON DELETE CASCADE,
    backbone_id INTEGER NOT NULL REFERENCES backbones (id),
    number      INTEGER NOT NULL CHECK (number > 0),                    -- 1, 2, …: which augmented view of the image
    vector      BLOB NOT NULL,                                          -- as in features
    PRIMARY KEY (sample_id, backbone_id, number)
);

CREATE TABLE statistics (
    backbone_id INTEGER PRIMARY KEY REFERENCES backbones (id),
    sums        BLOB NOT NULL                                           -- sums over features; safetensors
);
