//! Flags about training the `mlp` head.

use crate::head::{Initialisation, LearningRate, MlpSettings};

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
    /// The learning rate, or `find` [default: 0.001]
    #[arg(long, value_name = "RATE")]
    lr: Option<LearningRate>,
    #[arg(long, default_value_t = 0.01, value_name = "DECAY")]
    weight_decay: f32,
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
    #[command(flatten)]
    gone: RemovedFlag,
}

/// Flags of older versions, which say what there is instead.
#[derive(Debug, clap::Args)]
struct RemovedFlag {
    #[arg(long, alias = "optimizer", hide = true)]
    optimiser: Option<String>,
    #[arg(long, hide = true)]
    momentum: Option<String>,
    #[arg(long, hide = true)]
    schedule: Option<String>,
    #[arg(long, hide = true)]
    label_smoothing: Option<String>,
    #[arg(long, hide = true)]
    mixup: Option<String>,
}

impl MlpArgs {
    pub fn settings(&self) -> MlpSettings {
        MlpSettings {
            width: self.width,
            dropout: self.dropout,
            initialisation: self.initialisation,
            learning_rate: self.lr.unwrap_or(LearningRate::Usual),
            weight_decay: self.weight_decay,
            epochs: self.epochs,
            batch: self.batch,
            patience: self.patience,
        }
    }

    /// What to say of a flag that is no more.
    pub fn gone(&self) -> Option<String> {
        let RemovedFlag { optimiser, momentum, schedule, label_smoothing, mixup } = &self.gone;
        let instead = [
            (
                "optimiser",
                optimiser,
                "Adam with decoupled weight decay trains every mlp; --lr and --weight-decay set it",
            ),
            ("momentum", momentum, "Adam with decoupled weight decay trains every mlp; --lr and --weight-decay set it"),
            ("schedule", schedule, "the learning rate falls along a cosine; --lr sets where from"),
            ("label-smoothing", label_smoothing, "it is 0.1 always; the temperature of the head makes it honest"),
            ("mixup", mixup, "collect --views adds augmented views, which do more"),
        ];
        let given = instead.into_iter().find(|(_, value, _)| value.is_some());
        given.map(|(flag, _, instead)| format!("`--{flag}` is gone: {instead}"))
    }
}
