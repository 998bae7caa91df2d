-- Sums over features, from which nothing is made any more. `secure_delete` overwrites their pages.
DROP TABLE statistics;

CREATE TABLE removed (
    content_hash TEXT PRIMARY KEY,                                      -- as in samples, of an image that is not there
    at           INTEGER NOT NULL                                       -- seconds since 1970-01-01 UTC
) WITHOUT ROWID;

ALTER TABLE samples  ADD COLUMN checksum INTEGER;                       -- of hash, label, split and group
ALTER TABLE features ADD COLUMN checksum INTEGER;                       -- of hash, fingerprint and vector
ALTER TABLE views    ADD COLUMN checksum INTEGER;                       -- of hash, fingerprint, number and vector

UPDATE samples SET checksum = row_checksum(content_hash, label, split, group_key);
UPDATE features SET checksum = row_checksum(
    (SELECT content_hash FROM samples WHERE id = sample_id),
    (SELECT fingerprint FROM backbones WHERE id = backbone_id), vector);
UPDATE views SET checksum = row_checksum(
    (SELECT content_hash FROM samples WHERE id = sample_id),
    (SELECT fingerprint FROM backbones WHERE id = backbone_id), number, vector);
