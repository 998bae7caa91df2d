-- By which revision of decoding a vector was made: a picture that is decoded in another way has other features, though the
-- backbone is the same.
ALTER TABLE features ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
