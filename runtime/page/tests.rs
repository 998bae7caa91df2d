use ndarray::array;

use super::*;
use crate::dataset::SampleId;
use crate::head::{Epoch, FinderPoint, RateFinder};
use crate::labels::{ClassIndex, Label, Labels};

fn label(name: &str) -> Label {
    Label::new(name).unwrap()
}

fn answers() -> Answers {
    Answers {
        labels: Labels::new(vec![label("<i>ant</i>"), label("bee")]).unwrap(),
        ids: (0..4).map(SampleId).collect(),
        truth: [0, 0, 1, 1].map(ClassIndex).to_vec(),
        groups: (0..4).collect(),
        probabilities: array![[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9]],
    }
}

/// What a trained head reports.
fn training() -> TrainingReport {
    let epoch = |number: i32| {
        let falling = 2.0 / f64::from(number);
        let gradient_norms = vec![falling, falling / 10.0];
        let validation_loss = Some(falling + 0.1);
        Epoch { rate: 0.01 * falling, training_loss: falling, validation_loss, gradient_norms }
    };
    let point = |number: i32| {
        let loss = 2.0 + (f64::from(number) - 9.0).powi(2) / 50.0;
        FinderPoint { rate: 1e-5 * 2f64.powi(number), loss }
    };
    TrainingReport {
        width: 64,
        learning_rate: 0.01,
        samples: 4,
        validation_samples: 2,
        layers: ["hidden", "output"].map(str::to_owned).to_vec(),
        epochs: (1..=12).map(epoch).collect(),
        kept_epoch: 11,
        finder: Some(RateFinder { points: (0..16).map(point).collect(), chosen: 0.002 }),
    }
}

fn page<'a>(answers: &'a Answers, training: Option<&'a TrainingReport>) -> Page<'a> {
    let worst = WorstPicture {
        path: "photos/a\"<b>.jpg".into(),
        label: label("<i>ant</i>"),
        named: label("bee"),
        probability: 0.2,
        named_probability: 0.8,
        thumbnail: Thumbnail::Missing("the file is no longer there".into()),
    };
    Page {
        title: "Head 1: <i>ant</i>".into(),
        subtitle: "two classes".into(),
        figures: vec![("right", "75.0 %".into())],
        answers,
        candidates: &[],
        curve: None,
        projection: None,
        training,
        watched: Some((ClassIndex(1), Some((1.0, 0.75)))),
        origin: vec![("made by", "edgetl".into())],
        map: None,
        worst: vec![worst],
    }
}

#[test]
fn what_users_wrote_is_text_and_never_markup() {
    let html = page(&answers(), None).html();
    assert!(!html.contains("<i>ant") && !html.contains("a\"<b>.jpg"));
    assert!(html.contains("<title>Head 1: &lt;i&gt;ant&lt;/i&gt;</title>") && html.contains("a&quot;&lt;b&gt;.jpg"));
}

#[test]
fn a_page_shows_the_training_where_there_was_one_and_nothing_of_it_where_not() {
    let (answers, training) = (answers(), training());
    let plain = page(&answers, None).html();
    let trained = page(&answers, Some(&training)).html();
    assert!(!plain.contains("How it was trained"));
    for part in
        ["How it was trained", "Learning-rate finder", "Gradient norms, by layer", "held back", "after 12 were kept"]
    {
        assert!(trained.contains(part), "{part}");
    }
    // Loss, gradients, rate and finder beside the calibration and the thresholds of a class.
    assert_eq!((plain.matches("<svg").count(), trained.matches("<svg").count()), (2, 6));
}

#[test]
fn a_head_of_which_nothing_was_measured_has_a_page_that_says_so() {
    let none = Answers {
        ids: Vec::new(),
        truth: Vec::new(),
        groups: Vec::new(),
        probabilities: ndarray::Array2::zeros((0, 2)),
        ..answers()
    };
    let html = page(&none, None).html();
    assert!(html.contains("Nothing measured") && !html.contains("<svg") && !html.contains("NaN"));
}
