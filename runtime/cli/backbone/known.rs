//! `backbone import --known PICTURE=CLASS`: pictures whose class the network knows tell whether its pixels are right.

use std::path::PathBuf;

use anyhow::Context as _;
use serde::Serialize;

use crate::backbone::{Backbone, Classifier, Package, usual_normalisations};
use crate::cli::failure::{OrHint, failure};
use crate::manifest::Preprocess;
use crate::predictor::{KnownPicture, Recognition, recognise};
use crate::preprocess::{Limits, decode, read_file};

/// A picture and what it shows, as typed.
#[derive(Debug, Clone)]
pub struct Known {
    path: PathBuf,
    /// A class name, or a row of the classifier.
    class: String,
}

pub fn known(text: &str) -> Result<Known, String> {
    match text.rsplit_once('=') {
        Some((path, class)) if !path.is_empty() && !class.trim().is_empty() => {
            Ok(Known { path: path.into(), class: class.trim().to_owned() })
        }
        _ => Err(format!("expected PICTURE=CLASS, got `{text}`")),
    }
}

/// What the known pictures say of a package's normalisation.
#[derive(Serialize)]
pub struct Verdict {
    pictures: usize,
    /// As the package has it; no flags when that is none of the usual ones.
    chosen: Tried,
    /// All the usual ones, the best first.
    usual: Vec<Tried>,
}

#[derive(Serialize)]
struct Tried {
    flags: &'static str,
    /// Pictures whose class came out first.
    right: usize,
    log_probability: f64,
    #[serde(skip)]
    settings: Preprocess,
}

impl Verdict {
    /// Tries the package's own normalisation and the usual ones on `known`.
    pub fn new(package: &Package, backbone: &mut dyn Backbone, known: &[Known]) -> anyhow::Result<Self> {
        let classifier = package.classifier().ok_or_else(|| {
            failure("expected classifier rows to name known pictures with, got none", "import without --known")
        })?;
        let pictures = known.iter().map(|known| known.read(classifier)).collect::<anyhow::Result<Vec<_>>>()?;
        let settings = &package.manifest().preprocess;
        let mut attempt = |flags: &'static str, settings: Preprocess| -> anyhow::Result<Tried> {
            let Recognition { right, log_probability } = recognise(backbone, classifier, &settings, &pictures)?;
            Ok(Tried { flags, right, log_probability, settings })
        };
        let chosen = attempt("", settings.clone())?;
        let usual = usual_normalisations(settings).into_iter().map(|(flags, settings)| attempt(flags, settings));
        let mut usual = usual.collect::<anyhow::Result<Vec<_>>>()?;
        usual.sort_by(|a, b| b.right.cmp(&a.right).then(b.log_probability.total_cmp(&a.log_probability)));
        Ok(Self { pictures: pictures.len(), chosen, usual })
    }

    /// The settings of a usual normalisation that names more pictures rightly than the package's own.
    pub fn better(&self) -> Option<&Preprocess> {
        self.best().map(|best| &best.settings)
    }

    fn best(&self) -> Option<&Tried> {
        self.usual.first().filter(|best| best.right > self.chosen.right)
    }

    /// One sentence; `taken` says that the better settings replaced the package's own.
    pub fn sentence(&self, taken: bool) -> String {
        let count = |right: usize| format!("{right} of {} known pictures", self.pictures);
        match (self.best(), taken) {
            (Some(best), true) => {
                format!("with {} the network names {}, so that was taken", best.flags, count(best.right))
            }
            (Some(best), false) => format!(
                "as its pixels are asked for, the network names {}; with {} it names {}",
                count(self.chosen.right),
                best.flags,
                count(best.right)
            ),
            (None, _) if self.chosen.right == 0 => {
                format!("the network names {}, with no usual normalisation", count(0))
            }
            (None, _) => format!("the network names {}", count(self.chosen.right)),
        }
    }

    /// Whether the pictures speak against the settings that are kept.
    pub fn is_doubtful(&self, taken: bool) -> bool {
        (self.best().is_some() && !taken) || (self.best().is_none() && self.chosen.right == 0)
    }
}

impl Known {
    fn read(&self, classifier: &Classifier) -> anyhow::Result<KnownPicture> {
        let limits = Limits::default();
        let bytes = read_file(&self.path, &limits)?;
        let picture =
            decode(&bytes, &limits, [0; 3]).with_context(|| format!("cannot decode `{}`", self.path.display()))?;
        Ok(KnownPicture { picture, classes: self.classes(classifier)? })
    }

    /// Rows whose label is the class or lists it between commas; else the row of that number.
    fn classes(&self, classifier: &Classifier) -> anyhow::Result<Vec<usize>> {
        let same = |name: &str| name.trim().eq_ignore_ascii_case(&self.class);
        let named = |label: &String| same(label) || label.split(',').any(same);
        let rows: Vec<usize> = (0..classifier.labels.len()).filter(|&row| named(&classifier.labels[row])).collect();
        let count = classifier.bias.len();
        match self.class.parse::<usize>() {
            _ if !rows.is_empty() => Ok(rows),
            Ok(row) if row < count => Ok(vec![row]),
            _ => Err(anyhow::anyhow!("expected a class of the network or a row below {count}, got `{}`", self.class))
                .or_hint("class names come from the file or from --labels FILE"),
        }
    }
}

/// `package` with other settings; what was computed with the old ones is left out.
pub fn with_preprocess(package: &Package, settings: &Preprocess) -> Package {
    let manifest = crate::manifest::Manifest { preprocess: settings.clone(), ..package.manifest().clone() };
    let mut changed = Package::new(manifest, package.onnx().to_vec());
    changed.set_classifier(package.classifier().cloned());
    changed
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_known_picture_is_a_path_and_a_class_and_the_path_may_hold_the_sign() {
        let parsed = known("a=b/cat.jpg= tabby cat ").unwrap();
        assert_eq!((parsed.path.as_path(), &*parsed.class), (Path::new("a=b/cat.jpg"), "tabby cat"));
        assert!(known("cat.jpg").is_err() && known("cat.jpg=").is_err() && known("=cat").is_err());
    }

    #[test]
    fn a_class_is_found_by_its_name_by_one_of_its_names_and_by_its_row() {
        let labels = ["tench, Tinca tinca", "crane", "crane"].map(str::to_owned).to_vec();
        let classifier =
            Classifier { weights: ndarray::Array2::zeros((3, 1)), bias: ndarray::Array1::zeros(3), labels };
        let rows = |class: &str| Known { path: PathBuf::new(), class: class.to_owned() }.classes(&classifier);
        assert_eq!(rows("Crane").unwrap(), [1, 2]);
        assert_eq!(rows("tinca tinca").unwrap(), [0]);
        assert_eq!(rows("2").unwrap(), [2]);
        assert!(rows("3").is_err() && rows("dog").is_err());
    }
}
