//! Flags about training the `mlp` head.

use crate::head::{Initialisation, LearningRate, MlpSettings, Optimiser, Schedule};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "The mlp head")]
pub struct MlpArgs {
    /// Hidden values [default: twice the channels, from 16 to 256]
    #[arg(long, value_name = "N")]
    width: Option<usize>,
    /// The share of hidden values that is left out of each step
    #[arg(long, default_value_t = 0.5, value_name = "SHARE")]
    dropout: f32,
    /// Where the weights start: kaiming, xavier or scaled
    #[arg(long, default_value = "kaiming", value_name = "INIT")]
    initialisation: Initialisation,
    /// adam or sgd
    #[arg(long, alias = "optimizer", default_value = "adam", value_name = "NAME")]
    optimiser: OptimiserName,
    /// Of sgd
    #[arg(long, default_value_t = 0.9, value_name = "SHARE")]
    momentum: f32,
    /// How the learning rate goes: cosine, one-cycle or constant
    #[arg(long, default_value = "cosine", value_name = "NAME")]
    schedule: Schedule,
    /// The learning rate, or `find` [default: 0.001 for adam, 0.02 for sgd]
    #[arg(long, value_name = "RATE")]
    lr: Option<LearningRate>,
    #[arg(long, default_value_t = 0.01, value_name = "DECAY")]
    weight_decay: f32,
    /// The share of every target that is spread over all classes
    #[arg(long, default_value_t = 0.1, value_name = "SHARE")]
    label_smoothing: f32,
    /// Mix pairs of samples by shares from Beta(ALPHA, ALPHA); 0 mixes none
    #[arg(long, default_value_t = 0.0, value_name = "ALPHA")]
    mixup: f32,
    /// The highest number of passes over the samples
    #[arg(long, default_value_t = 30, value_name = "N")]
    epochs: usize,
    /// Samples a step [default: a sixteenth of all, from 16 to 64]
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Stop after so many epochs without a lower validation loss and keep the best weights; 0 trains on all samples to
    /// the end
    #[arg(long, default_value_t = 8, value_name = "EPOCHS")]
    patience: usize,
}

#[derive(Clone, Copy, Debug)]
enum OptimiserName {
    Adam,
    Sgd,
}

impl std::str::FromStr for OptimiserName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "adam" => Ok(Self::Adam),
            "sgd" => Ok(Self::Sgd),
            _ => Err(format!("expected adam or sgd, got `{text}`")),
        }
    }
}

impl MlpArgs {
    pub fn settings(&self) -> MlpSettings {
        MlpSettings {
            width: self.width,
            dropout: self.dropout,
            initialisation: self.initialisation,
            optimiser: match self.optimiser {
                OptimiserName::Adam => Optimiser::Adam,
                OptimiserName::Sgd => Optimiser::Sgd { momentum: self.momentum },
            },
            schedule: self.schedule,
            learning_rate: self.lr.unwrap_or(LearningRate::Usual),
            weight_decay: self.weight_decay,
            label_smoothing: self.label_smoothing,
            mixup: self.mixup,
            epochs: self.epochs,
            batch: self.batch,
            patience: self.patience,
        }
    }
}
