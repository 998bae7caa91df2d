//! Which class is said, as nodes behind the scores. Only operators that every version of ONNX has: networks of 2017 are exported, too.

use super::builder::{Builder, DECISION, SCORES, int, integers, matrix, tensor};
use ndarray::Array2;

/// Which class is said of `[N,K]` scores.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum ScoreRule {
    /// The likeliest.
    #[default]
    Likeliest,
    /// `class` from this score on, and else the likeliest other one.
    Threshold { class: usize, score: f32 },
    /// That of least expected cost, where every mistake costs 1 and taking `wrong` for `taken_for` costs `times`.
    Cost { wrong: usize, taken_for: usize, times: f32 },
}

/// A rule, and the score below which nothing is said.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct ScoreDecision {
    pub rule: ScoreRule,
    pub least: Option<f32>,
}

/// Makes of the least difference between two scores more than any score.
const STEEP: f32 = 1e18;
/// The same where scores were made steep already.
const STEEPER: f32 = 1e30;

impl Builder {
    /// [`DECISION`], `[N]`: the number of the class that is said, or -1.
    pub(super) fn decide(&mut self, decision: &ScoreDecision, classes: usize) {
        let worths = match decision.rule {
            ScoreRule::Likeliest => SCORES.to_owned(),
            ScoreRule::Threshold { class, score } => self.beyond(class, score, classes),
            ScoreRule::Cost { wrong, taken_for, times } => {
                let mut costs = Array2::eye(classes);
                costs[[wrong, taken_for]] = 1.0 - times;
                let costs = self.constant(matrix(costs.view()));
                self.node("MatMul", &[SCORES, &costs], Vec::new())
            }
        };
        let Some(least) = decision.least else {
            let attributes = vec![int("axis", 1), int("keepdims", 0)];
            return self.node_to("ArgMax", &[&worths], DECISION, attributes);
        };
        // Every class twice: as itself where its score suffices, and else as nothing.
        let least = self.constant(tensor(&[1], &[least]));
        let steep = self.constant(tensor(&[1], &[STEEPER]));
        let above = self.node("Sub", &[SCORES, &least], Vec::new());
        let above = self.node("Mul", &[&above, &steep], Vec::new());
        let below = self.node("Neg", &[&above], Vec::new());
        let said = self.without(&worths, &below);
        let unsaid = self.without(&worths, &above);
        let all = self.node("Concat", &[&said, &unsaid], vec![int("axis", 1)]);
        let place = self.node("ArgMax", &[&all], vec![int("axis", 1), int("keepdims", 0)]);
        let numbers: Vec<i64> = (0..classes as i64).chain(std::iter::repeat_n(-1, classes)).collect();
        let numbers = self.constant(integers(&[2 * classes], &numbers));
        self.node_to("Gather", &[&numbers, &place], DECISION, vec![int("axis", 0)]);
    }

    /// Scores, that of `class` beyond all others from `score` on and below them before.
    fn beyond(&mut self, class: usize, score: f32, classes: usize) -> String {
        let only = |value: f32, other: f32| {
            let values: Vec<f32> = (0..classes).map(|number| if number == class { value } else { other }).collect();
            tensor(&[1, classes], &values)
        };
        let threshold = self.constant(only(score, 0.0));
        let steep = self.constant(only(STEEP, 1.0));
        // Above every score where the difference is 0.
        let two = self.constant(only(2.0, 0.0));
        let above = self.node("Sub", &[SCORES, &threshold], Vec::new());
        let above = self.node("Mul", &[&above, &steep], Vec::new());
        self.node("Add", &[&above, &two], Vec::new())
    }

    /// `worths` less what of `penalty` is above 0.
    fn without(&mut self, worths: &str, penalty: &str) -> String {
        let penalty = self.node("Relu", &[penalty], Vec::new());
        self.node("Sub", &[worths, &penalty], Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, Array4};
    use tract_onnx::prelude::*;

    use super::*;
    use crate::backbone::graph::{CutRequest, Network, ScoringHead};
    use crate::manifest::{FeatureKind, Preprocess};

    /// A network with a head of four classes behind it.
    fn exported(decision: ScoreDecision) -> Network {
        let bytes = include_bytes!("../../../tests/fixtures/backbone/gap.onnx");
        let network = Network::parse(bytes).unwrap();
        let input = network.image_input(None).unwrap();
        let package = crate::backbone::Package::from_onnx(
            &std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone/gap.onnx"),
            &crate::backbone::ImportRequest {
                preprocess: crate::backbone::PreprocessSpec {
                    preset: Some(crate::backbone::Preset::Raw),
                    ..Default::default()
                },
                ..Default::default()
            },
        )
        .unwrap();
        let feature = package.manifest().feature.output.clone();
        let settings: Preprocess = package.manifest().preprocess.clone();
        let (height, width) = (settings.height as usize, settings.width as usize);
        let cut = network.cut(&CutRequest { input: &input, outputs: &[&feature], height, width }).unwrap();
        let head = ScoringHead {
            hidden: None,
            weights: Array2::from_shape_fn((4, 6), |(k, c)| ((k * 6 + c * 5) % 7) as f32 / 3.0 - 1.0),
            bias: Array1::zeros(4),
            unit_length: true,
            temperature: 0.6,
            labels: ["a", "b", "c", "d"].map(str::to_owned).to_vec(),
            decision,
        };
        cut.with_head(&settings, &[FeatureKind::Map], &head)
    }

    /// Scores and decision of each of some pictures.
    fn run(decision: ScoreDecision) -> Vec<(Vec<f32>, i64)> {
        let network = exported(decision);
        let plan = tract_onnx::onnx().model_for_proto_model(&network.model).unwrap();
        let (height, width) = (8, 12);
        let plan = plan
            .with_input_fact(0, f32::fact([1, 3, height, width]).into())
            .unwrap()
            .into_optimized()
            .unwrap()
            .into_runnable()
            .unwrap();
        let picture = |n: usize| {
            Array4::from_shape_fn((1, 3, height, width), |(_, c, y, x)| {
                ((n * 97 + c * (70 + n * 13) + y * 11 * n + x * 5) % 256) as f32
            })
        };
        let answers = (0..24).map(|n| {
            let outputs = plan.run(tvec!(picture(n).into_tensor().into())).unwrap();
            let scores: Vec<f32> = outputs[0].to_plain_array_view::<f32>().unwrap().iter().copied().collect();
            (scores, outputs[1].to_plain_array_view::<i64>().unwrap().iter().copied().next().unwrap())
        });
        answers.collect()
    }

    fn best(worths: &[f32]) -> usize {
        (1..worths.len()).fold(0, |best, class| if worths[class] > worths[best] { class } else { best })
    }

    #[test]
    fn the_second_output_is_what_the_rule_says_of_the_scores() {
        let plain = run(ScoreDecision::default());
        let mut said: Vec<i64> = plain.iter().map(|(_, said)| *said).collect();
        said.dedup();
        assert!(said.len() > 2, "the pictures are of several classes");
        plain.iter().for_each(|(scores, said)| assert_eq!(*said, best(scores) as i64));
        // Just the score of one picture: there the class is said.
        let score = plain[3].0[2];
        for (scores, said) in run(ScoreDecision { rule: ScoreRule::Threshold { class: 2, score }, least: None }) {
            let mut others = scores.clone();
            others[2] = -1.0;
            assert_eq!(said, if scores[2] >= score { 2 } else { best(&others) as i64 }, "{scores:?} from {score}");
        }
        let rule = ScoreRule::Cost { wrong: 0, taken_for: 1, times: 4.0 };
        for (scores, said) in run(ScoreDecision { rule, least: None }) {
            let mut worths = scores.clone();
            worths[1] -= 3.0 * scores[0];
            assert_eq!(said, best(&worths) as i64, "{scores:?}");
        }
        let least = plain[5].0[best(&plain[5].0)];
        for rule in [ScoreRule::Likeliest, ScoreRule::Threshold { class: 2, score }] {
            let free = run(ScoreDecision { rule, least: None });
            for ((scores, said), (_, free)) in run(ScoreDecision { rule, least: Some(least) }).into_iter().zip(free) {
                let wanted = if scores[free as usize] >= least { free } else { -1 };
                assert_eq!(said, wanted, "{scores:?} from {least} on");
            }
        }
    }
}
