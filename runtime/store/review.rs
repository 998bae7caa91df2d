//! Pictures of cameras that wait for a label: at most so many, so old and so large, the most useful of all that came.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use rusqlite::{Connection, Row, TransactionBehavior, params};

use super::Store;
use super::error::{At as _, StoreError};
use super::insert::Writer;
use super::sample::FeatureVector;
use crate::digest::{ContentHash, Fingerprint};
use crate::files;

/// Of dismissed pictures so many are remembered, the latest.
const MOST_DISMISSED: i64 = 1000;

/// The number of a picture that waits; never given again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ReviewId(pub i64);

/// Why a label of a picture would teach something.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Worth {
    /// The head was unsure of it.
    Unsure,
    /// The head said that it is none of the classes.
    Unknown,
    /// What the head said changed to and fro.
    Disagreeing,
    /// It is far from every stored picture.
    Far,
}

#[derive(Debug, thiserror::Error)]
#[error("expected a reason for a review, got `{0}`")]
pub struct ParseWorthError(String);

impl Worth {
    pub const ALL: [Self; 4] = [Self::Unsure, Self::Unknown, Self::Disagreeing, Self::Far];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unsure => "unsure",
            Self::Unknown => "unknown",
            Self::Disagreeing => "disagreeing",
            Self::Far => "far",
        }
    }
}

impl fmt::Display for Worth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Worth {
    type Err = ParseWorthError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|worth| worth.as_str() == text).ok_or_else(|| ParseWorthError(text.to_owned()))
    }
}

/// A picture to be kept for review.
#[derive(Clone, Debug)]
pub struct NewReview {
    /// An encoded image.
    pub picture: Vec<u8>,
    pub features: FeatureVector,
    /// When it was taken, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
    pub camera: String,
    /// Of what happened before the camera then.
    pub group: String,
    /// What the head said of it; JSON.
    pub answer: String,
    pub why: Worth,
    /// Finite; the least useful goes first.
    pub usefulness: f64,
}

/// A picture that waits, without its bytes.
#[derive(Clone, PartialEq, Debug)]
pub struct ReviewRow {
    pub id: ReviewId,
    pub hash: ContentHash,
    pub features: FeatureVector,
    pub at: u64,
    pub camera: String,
    pub group: String,
    pub answer: String,
    pub why: Worth,
    pub usefulness: f64,
    pub bytes: u64,
}

/// How much is kept; where one of the first three is nothing, nothing is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReviewBounds {
    pub most: usize,
    pub age: Duration,
    /// Of all pictures together.
    pub bytes: u64,
    /// Of the disk, so much stays free.
    pub reserve: u64,
}

/// What became of a picture that was to be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    Kept(ReviewId),
    /// It waits already, is a sample, or was dismissed or removed.
    Known,
    /// All that are kept are more useful, and there is no place for more.
    Useless,
    /// The disk has no more free than what is to stay so.
    NoRoom,
}

impl Store {
    /// Keeps a picture, and lets go of what is over the bounds then: first what is too old by the time of this one, then the least
    /// useful. When this returns, it survives a power cut.
    pub fn keep_for_review(&mut self, new: &NewReview, bounds: &ReviewBounds) -> Result<Kept, StoreError> {
        self.expire_reviews(new.at, bounds.age)?;
        // Once in the log and once in the store.
        let needed = 2 * new.picture.len() as u64 + (1 << 20);
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if files::free_bytes(folder).is_some_and(|free| free < bounds.reserve.saturating_add(needed)) {
            return Ok(Kept::NoRoom);
        }
        // Nothing is written where it would go at once.
        let least = "SELECT count(*) >= ?1 AND min(usefulness) > ?2 FROM review";
        let most = i64::try_from(bounds.most).unwrap_or(i64::MAX);
        let is_useless = self.connection.query_one(least, params![most, new.usefulness], |row| row.get(0));
        if is_useless.at(&self.path).map(Option::unwrap_or_default)? {
            return Ok(Kept::Useless);
        }
        let path = self.path.clone();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).at(&path)?;
        let hash = ContentHash::of(&new.picture);
        if is_known(&transaction, &hash).at(&path)? {
            return Ok(Kept::Known);
        }
        let id = insert(&Writer { transaction: &transaction, path: &path }, &hash, new)?;
        if !trim(&transaction, id, bounds).at(&path)? {
            return Ok(Kept::Useless);
        }
        transaction.commit().at(&path)?;
        Ok(Kept::Kept(id))
    }

    /// Lets go of what is too old, `now` in milliseconds since 1970-01-01 UTC.
    pub fn expire_reviews(&mut self, now: u64, age: Duration) -> Result<(), StoreError> {
        let oldest = now.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)) as i64;
        let mut old = self.connection.prepare_cached("SELECT * FROM review WHERE at < ?").at(&self.path)?;
        // Nothing is written where there is nothing to let go of.
        if old.exists([oldest]).at(&self.path)? {
            self.connection.execute("DELETE FROM review WHERE at < ?", [oldest]).at(&self.path)?;
        }
        Ok(())
    }

    /// The numbers of all that wait, damaged ones too.
    pub fn review_ids(&self) -> Result<Vec<ReviewId>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT id FROM review ORDER BY id").at(&self.path)?;
        let rows = statement.query_map([], |row| row.get(0).map(ReviewId)).at(&self.path)?;
        rows.collect::<Result<_, _>>().at(&self.path)
    }

    /// All that wait, the most useful first; damaged ones are passed over, with a word in the log.
    pub fn reviews(&self) -> Result<Vec<ReviewRow>, StoreError> {
        let sql = format!("{SELECT} ORDER BY usefulness DESC, review.id");
        let mut statement = self.connection.prepare(&sql).at(&self.path)?;
        let mut rows = statement.query([]).at(&self.path)?;
        let mut reviews = Vec::new();
        while let Some(row) = rows.next().at(&self.path)? {
            match read(row, &self.path) {
                Ok(review) => reviews.push(review),
                Err(error @ StoreError::DamagedReview { .. }) => tracing::warn!("{error}"),
                Err(error) => return Err(error),
            }
        }
        Ok(reviews)
    }

    /// One that waits, with its picture.
    ///
    /// # Errors
    /// [`StoreError::DamagedReview`] when the picture or its features are not what was stored.
    pub fn review(&self, id: ReviewId) -> Result<Option<(ReviewRow, Vec<u8>)>, StoreError> {
        let sql = format!("{SELECT} WHERE review.id = ?");
        let mut statement = self.connection.prepare_cached(&sql).at(&self.path)?;
        let mut rows = statement.query([id.0]).at(&self.path)?;
        let Some(row) = rows.next().at(&self.path)? else { return Ok(None) };
        let is_whole: bool = row.get(11).at(&self.path)?;
        let review = read(row, &self.path)?;
        let picture = "SELECT picture FROM review WHERE id = ?";
        let picture: Vec<u8> = self.connection.query_one(picture, [id.0], |row| row.get(0)).at(&self.path)?;
        match is_whole && ContentHash::of(&picture) == review.hash {
            true => Ok(Some((review, picture))),
            false => Err(StoreError::DamagedReview { id }),
        }
    }

    /// Lets go of pictures that nobody wants to label, which are remembered for a while so that they are not kept again; says how
    /// many there were.
    pub fn dismiss(&mut self, ids: &[ReviewId]) -> Result<usize, StoreError> {
        let path = self.path.clone();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).at(&path)?;
        let mut dismissed = 0;
        for id in ids {
            let remember = "INSERT OR IGNORE INTO dismissed (content_hash, backbone_id, vector)
                SELECT content_hash, backbone_id, vector FROM review JOIN backbones ON backbones.id = backbone_id
                WHERE review.id = ? AND length(vector) = 4 * dim";
            transaction.execute(remember, [id.0]).at(&path)?;
            dismissed += transaction.execute("DELETE FROM review WHERE id = ?", [id.0]).at(&path)?;
        }
        let forget = "DELETE FROM dismissed WHERE id <= (SELECT max(id) FROM dismissed) - ?";
        transaction.execute(forget, [MOST_DISMISSED]).at(&path)?;
        transaction.commit().at(&path)?;
        self.erase_log()?;
        Ok(dismissed)
    }

    /// Takes out one that has become a sample.
    pub fn finish_review(&mut self, id: ReviewId) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM review WHERE id = ?", [id.0]).map(drop).at(&self.path)
    }

    /// Features of this backbone of all pictures that wait or were dismissed; of damaged ones none.
    pub fn review_features(&self, fingerprint: &Fingerprint) -> Result<Vec<Vec<f32>>, StoreError> {
        let sql = "SELECT vector FROM (SELECT backbone_id, vector FROM review UNION ALL SELECT backbone_id, vector FROM dismissed)
            JOIN backbones ON backbones.id = backbone_id WHERE fingerprint = ? AND length(vector) = 4 * dim";
        let mut statement = self.connection.prepare_cached(sql).at(&self.path)?;
        let rows = statement.query_map([fingerprint.to_string()], |row| row.get::<_, Vec<u8>>(0)).at(&self.path)?;
        rows.map(|vector| vector.map(|vector| super::load::values(&vector).collect()).at(&self.path)).collect()
    }
}

fn is_known(connection: &Connection, hash: &ContentHash) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM review WHERE content_hash = ?1 UNION ALL SELECT 1 FROM samples WHERE content_hash = ?1
        UNION ALL SELECT 1 FROM dismissed WHERE content_hash = ?1 UNION ALL SELECT 1 FROM removed WHERE content_hash = ?1";
    connection.prepare_cached(sql)?.exists([hash.to_string()])
}

fn insert(writer: &Writer<'_>, hash: &ContentHash, new: &NewReview) -> Result<ReviewId, StoreError> {
    let vector = new.features.bytes()?;
    let backbone = writer.backbone(&new.features)?;
    let sql = "INSERT INTO review (content_hash, at, camera, group_key, answer, why, usefulness, backbone_id, revision, vector, checksum, picture)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, id, ?9, ?10, row_checksum(?1, fingerprint, ?10), ?11 FROM backbones WHERE id = ?8";
    let mut statement = writer.transaction.prepare_cached(sql).at(writer.path)?;
    let values = params![
        hash.to_string(),
        new.at as i64,
        new.camera,
        new.group,
        new.answer,
        new.why.as_str(),
        new.usefulness,
        backbone,
        new.features.revision,
        vector,
        new.picture,
    ];
    statement.insert(values).map(ReviewId).at(writer.path)
}

/// Lets go of the least useful until the rest is within the bounds; whether `id` is still there.
fn trim(connection: &Connection, id: ReviewId, bounds: &ReviewBounds) -> rusqlite::Result<bool> {
    let over = "SELECT id FROM (SELECT id, row_number() OVER better AS place, sum(length(picture)) OVER better AS total FROM review
            WINDOW better AS (ORDER BY usefulness DESC, at DESC, id DESC ROWS UNBOUNDED PRECEDING))
        WHERE place > ?1 OR total > ?2";
    let (most, bytes) = (i64::try_from(bounds.most), i64::try_from(bounds.bytes));
    let parameters = [most.unwrap_or(i64::MAX), bytes.unwrap_or(i64::MAX)];
    connection.execute(&format!("DELETE FROM review WHERE id IN ({over})"), parameters)?;
    connection.prepare_cached("SELECT * FROM review WHERE id = ?")?.exists([id.0])
}

const SELECT: &str =
    "SELECT review.id, content_hash, at, camera, group_key, answer, why, usefulness, fingerprint, revision, vector,
        checksum IS row_checksum(content_hash, fingerprint, vector), length(picture)
    FROM review JOIN backbones ON backbones.id = backbone_id";

fn read(row: &Row, path: &Path) -> Result<ReviewRow, StoreError> {
    let id = ReviewId(row.get(0).at(path)?);
    let damaged = || StoreError::DamagedReview { id };
    let text = |column: usize| row.get::<_, String>(column).map_err(|_| damaged());
    let number = |column: usize| row.get::<_, i64>(column).map(|number| number.max(0).unsigned_abs()).at(path);
    let vector = row.get_ref(10).at(path)?.as_blob().map_err(rusqlite::Error::from).at(path)?;
    Ok(ReviewRow {
        id,
        hash: text(1)?.parse().map_err(|_| damaged())?,
        at: number(2)?,
        camera: text(3)?,
        group: text(4)?,
        answer: text(5)?,
        why: text(6)?.parse().map_err(|_| damaged())?,
        usefulness: row.get(7).at(path)?,
        features: FeatureVector {
            fingerprint: text(8)?.parse().map_err(|source| StoreError::StoredFingerprint { source })?,
            revision: row.get(9).at(path)?,
            values: super::load::values(vector).collect(),
        },
        bytes: number(12)?,
    })
}
