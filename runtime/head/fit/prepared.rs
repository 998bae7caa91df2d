//! What all heads that are tried share, and what trying one gives.

use std::borrow::Cow;
use std::sync::OnceLock;

use ndarray::Array2;

use super::memory::Memory;
use crate::dataset::Dataset;
use crate::head::design::Design;
use crate::head::error::FitError;
use crate::head::folds::Split;
use crate::head::models::HeadKind;
use crate::head::options::FitOptions;
use crate::head::solve::sums::{Samples, Sums};
use crate::head::task::{Classes, Read, Target, TaskRules, Together};
use crate::head::twins::Twins;
use crate::labels::ClassIndex;

/// A dataset read as its task says, with its folds and its features made ready for linear fits.
pub struct Prepared<'a> {
    pub dataset: Cow<'a, Dataset>,
    pub options: &'a FitOptions,
    pub target: Target,
    pub split: Split,
    pub twins: Twins,
    pub design: Design<'a>,
    pub memory: Memory,
    /// One a row, their sum N.
    pub weights: Vec<f64>,
    ones: Vec<f64>,
    least_squares_targets: OnceLock<Array2<f32>>,
    sums: OnceLock<Sums>,
}

impl<'a> Prepared<'a> {
    /// # Errors
    /// When there is too little to learn from, or a label cannot be read as the task needs it.
    pub fn new(dataset: &'a Dataset, options: &'a FitOptions) -> Result<Self, FitError> {
        Self::keeping(Together::NearTwins, dataset, options)
    }

    /// # Errors
    /// As [`Prepared::new`].
    pub fn keeping(kept: Together, dataset: &'a Dataset, options: &'a FitOptions) -> Result<Self, FitError> {
        if dataset.is_empty() || dataset.dim() == 0 {
            // Says which of the two it is, in the task's own words.
            Read::new(dataset, options, kept)?;
        }
        let memory = Memory::new(dataset, options)?;
        let (read, design) = rayon::join(
            || Read::new(dataset, options, kept),
            || Design::new(dataset.learned(), dataset.last_dim()).map_err(|_| FitError::Decomposition),
        );
        let Read { dataset, target, split, twins } = read?;
        let design = design?;
        if design.is_constant() {
            return Err(FitError::Alike { samples: dataset.pictures() });
        }
        let weights = target.rules().weights(&dataset);
        Ok(Self {
            ones: vec![1.0; dataset.len()],
            dataset,
            options,
            target,
            split,
            twins,
            design,
            memory,
            weights,
            least_squares_targets: OnceLock::new(),
            sums: OnceLock::new(),
        })
    }

    /// The same samples in the same folds with the channels of earlier maps, which `wider` has, beside those of the last.
    ///
    /// # Errors
    /// When a decomposition does not converge.
    pub fn widened<'b>(&self, wider: &'b Dataset) -> Result<Prepared<'b>, FitError>
    where
        'a: 'b,
    {
        Ok(Prepared {
            design: Design::new(wider.learned(), wider.last_dim()).map_err(|_| FitError::Decomposition)?,
            dataset: Cow::Borrowed(wider),
            options: self.options,
            target: self.target.clone(),
            split: self.split.clone(),
            twins: self.twins.clone(),
            memory: self.memory,
            weights: self.weights.clone(),
            ones: self.ones.clone(),
            least_squares_targets: self.least_squares_targets.clone(),
            sums: OnceLock::new(),
        })
    }

    /// Takes the sums over all samples from `wider`, whose first coordinates are these, so that one pass serves both.
    pub fn share_sums_of(&self, wider: &Prepared) {
        if !self.design.is_orthogonal() && !wider.design.is_orthogonal() {
            self.sums.get_or_init(|| wider.sums().of_first(self.dataset.dim()));
        }
    }

    /// The samples with the targets of least squares, each of weight 1.
    pub fn unweighted(&self) -> Samples<'_> {
        Samples { weights: &self.ones, ..self.weighted() }
    }

    /// The samples with the targets of least squares and their weights.
    pub fn weighted(&self) -> Samples<'_> {
        let targets = self.least_squares_targets.get_or_init(|| self.rules().least_squares_targets(&self.dataset));
        Samples { coordinates: &self.design, targets: targets.view(), weights: &self.weights }
    }

    /// Over all samples, [`Prepared::unweighted`]: one pass for all heads that are made of them.
    pub fn sums(&self) -> &Sums {
        self.sums.get_or_init(|| self.unweighted().sums())
    }

    /// Over all samples, [`Prepared::weighted`].
    pub fn weighted_sums(&self) -> Cow<'_, Sums> {
        if self.is_even() { Cow::Borrowed(self.sums()) } else { Cow::Owned(self.weighted().sums()) }
    }

    /// Whether all weights are 1.
    pub fn is_even(&self) -> bool {
        self.weights == self.ones
    }

    pub fn rules(&self) -> &dyn TaskRules {
        self.target.rules()
    }

    /// # Panics
    /// When the task is another one than classification.
    pub fn classes(&self) -> &Classes {
        match &self.target {
            Target::Classes(classes) => classes,
            Target::Numbers(_) | Target::Names(_) => panic!("only classification has classes"),
        }
    }

    pub fn targets(&self, rows: &[usize]) -> Vec<ClassIndex> {
        rows.iter().map(|&row| self.dataset.targets()[row]).collect()
    }

    /// From strong to weak: those of the options, else the head's own.
    pub fn penalties(&self, own: &[f64]) -> Vec<f64> {
        let mut penalties = self.options.penalties.clone().unwrap_or_else(|| own.to_vec());
        penalties.sort_by(|a, b| b.total_cmp(a));
        penalties
    }

    /// The penalty of least loss; one from the middle where nothing can be measured.
    ///
    /// `losses` and `penalties` go together, and there is at least one.
    pub fn best_penalty(&self, penalties: &[f64], losses: &[f64]) -> usize {
        if self.split.measured.is_empty() {
            return (penalties.len() - 1) / 2;
        }
        (0..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).expect("options hold at least one penalty")
    }
}

/// How a head is fitted on all samples.
#[derive(Clone, PartialEq, Debug)]
pub enum Recipe {
    Prototype,
    Lda,
    Ridge {
        penalty: f64,
    },
    Softmax {
        penalty: f64,
    },
    /// Each member's logits times its factor, summed.
    Average(Vec<(f32, Recipe)>),
    Mlp,
}

/// A recipe with its answers out of fold.
pub struct Trial {
    pub recipe: Recipe,
    /// `[M,K]`, of the measured rows: logits, or numbers in the unit of the labels.
    pub outputs: Array2<f32>,
}

impl Recipe {
    pub fn kind(&self) -> HeadKind {
        match self {
            Self::Prototype => HeadKind::Prototype,
            Self::Lda => HeadKind::Lda,
            Self::Ridge { .. } => HeadKind::Ridge,
            Self::Softmax { .. } => HeadKind::Softmax,
            Self::Average(_) => HeadKind::Average,
            Self::Mlp => HeadKind::Mlp,
        }
    }

    /// `None` for a head without.
    pub fn penalty(&self) -> Option<f64> {
        match self {
            Self::Ridge { penalty } | Self::Softmax { penalty } => Some(*penalty),
            _ => None,
        }
    }
}

impl Trial {
    pub fn kind(&self) -> HeadKind {
        self.recipe.kind()
    }
}

/// Puts the answers of a fold, `[n,K]`, into the rows of all.
pub fn scatter(all: &mut Array2<f32>, rows: &[usize], answers: &Array2<f32>) {
    for (&row, answers) in rows.iter().zip(answers.rows()) {
        all.row_mut(row).assign(&answers);
    }
}
