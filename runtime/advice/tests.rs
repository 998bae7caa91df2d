use super::power_law::Measured;
use super::*;
use crate::head::HeadKind;
use crate::labels::Label;

fn known(confidence: Option<f64>, nearest_mean: f64) -> Familiarity {
    let source = |confidence| Recognised { classes: 1000, confidence, tells_classes_apart: 0.7, called: Vec::new() };
    Familiarity {
        nearest_mean,
        chance: 0.1,
        between_classes: 0.4,
        effective_rank: 30.0,
        dead_channels: 0.0,
        source: confidence.map(source),
    }
}

fn interval(middle: f64) -> Interval {
    Interval { low: middle - 0.01, middle, high: middle + 0.01 }
}

fn projected(now: f64, doubled: f64) -> Option<Projection> {
    let law = PowerLaw { scale: 1.0, exponent: 0.5, floor: 0.0 };
    let (doubled, quadrupled) = (interval(doubled), interval(doubled));
    Some(Projection { law, now, doubled, quadrupled, classes: Vec::new() })
}

/// 60 pictures of each of ten classes; a linear head that reaches what is asked for.
fn content() -> Evidence {
    Evidence {
        samples: 600,
        classes: 10,
        dim: 512,
        smallest_class: 60,
        smallest_label: Label::new("rare").unwrap(),
        median_class: 60,
        target: 0.95,
        head: HeadKind::Ridge,
        accuracy: Some(0.97),
        error: Some(0.007),
        balanced_accuracy: Some(0.97),
        missed: Vec::new(),
        leave_one_out: Some(0.97),
        familiarity: known(Some(0.7), 0.9),
        deeper: None,
        backbones: Vec::new(),
        curve: None,
        projection: projected(0.97, 0.98),
        next_class: None,
    }
}

fn comparison(gain: f64, error: f64) -> Comparison {
    Comparison { samples: 600, accuracy: 0.8 + gain, gain, error }
}

fn other(gain: f64, error: f64) -> BackboneEvidence {
    BackboneEvidence { name: "bigger".into(), dim: 1280, comparison: comparison(gain, error) }
}

#[test]
fn a_head_that_reaches_the_target_is_kept() {
    let advice = decide(&content());
    assert_eq!((advice.strategy, advice.also.as_slice()), (Strategy::TrainHead, &[][..]));
    assert!(advice.reasons[0].contains("97.0 % right, which reaches the 95 % asked for"), "{:?}", advice.reasons);
}

#[test]
fn a_handful_of_pictures_a_class_is_too_few_whatever_the_numbers_say() {
    let advice = decide(&Evidence { smallest_class: 4, accuracy: Some(1.0), ..content() });
    assert_eq!(advice.strategy, Strategy::CollectMore);
    assert_eq!(decide(&Evidence { accuracy: None, ..content() }).strategy, Strategy::CollectMore);
}

#[test]
fn the_target_is_not_reached_while_a_class_is_missed() {
    let label = Label::new("defect").unwrap();
    let missed = MissedClass { label, pictures: 12, held_out: 12, right: 6, recall: Some(0.5), low: 0.25, high: 0.75 };
    let advice = decide(&Evidence { missed: vec![missed], ..content() });
    assert_eq!(advice.strategy, Strategy::CollectMore);
    let reason = &advice.reasons[0];
    assert!(reason.contains("97.0 % are named right, but of `defect` only 50.0 % (25 to 75 %)"), "{reason}");
    assert!(!advice.reasons.iter().any(|reason| reason.contains("reaches")), "{:?}", advice.reasons);
}

#[test]
fn of_a_class_of_two_nobody_says_that_more_would_hardly_help() {
    let flat = Evidence { accuracy: Some(0.8), projection: projected(0.8, 0.803), smallest_class: 2, ..content() };
    let advice = decide(&flat);
    assert_eq!(advice.strategy, Strategy::CollectMore);
    assert!(advice.reasons[0].contains("the smallest class, `rare`, has 2 pictures"), "{:?}", advice.reasons);
    assert!(!advice.reasons.iter().any(|reason| reason.contains("hardly help")), "{:?}", advice.reasons);
}

#[test]
fn a_rising_curve_below_the_target_asks_for_more_pictures() {
    let advice = decide(&Evidence { accuracy: Some(0.8), projection: projected(0.8, 0.86), ..content() });
    assert_eq!(advice.strategy, Strategy::CollectMore);
    assert!(advice.reasons[0].contains("from 80.0 % to about 86.0 % (85.0 to 87.0 %)"), "{:?}", advice.reasons);
}

#[test]
fn a_flat_curve_below_the_target_asks_for_another_backbone() {
    let advice = decide(&Evidence { accuracy: Some(0.8), projection: projected(0.8, 0.803), ..content() });
    assert_eq!((advice.strategy, advice.backbone), (Strategy::OtherBackbone, None));
}

#[test]
fn strange_pictures_ask_for_another_backbone_beside_more_pictures() {
    let familiarity = known(Some(0.1), 0.4);
    let advice = decide(&Evidence { accuracy: Some(0.6), projection: projected(0.6, 0.7), familiarity, ..content() });
    assert_eq!(advice.similarity, Similarity::Far);
    assert_eq!((advice.strategy, advice.also.as_slice()), (Strategy::CollectMore, &[Strategy::OtherBackbone][..]));
    assert_eq!(advice.reasons.len(), 2);
}

#[test]
fn a_deeper_head_and_a_stored_backbone_are_taken_only_when_clearly_better() {
    let deeper = |gain, error| decide(&Evidence { deeper: Some(comparison(gain, error)), ..content() }).strategy;
    assert_eq!(deeper(0.03, 0.01), Strategy::DeeperHead);
    assert_eq!(deeper(0.03, 0.02), Strategy::TrainHead, "within two standard errors");
    assert_eq!(deeper(0.003, 0.0001), Strategy::TrainHead, "not worth it");
    let backbones = |all: Vec<BackboneEvidence>| decide(&Evidence { backbones: all, ..content() });
    let advice = backbones(vec![other(0.05, 0.01)]);
    assert_eq!((advice.strategy, advice.backbone.as_deref()), (Strategy::OtherBackbone, Some("bigger")));
    assert_eq!(backbones(vec![other(-0.05, 0.01), other(0.01, 0.01)]).strategy, Strategy::TrainHead);
}

#[test]
fn size_and_similarity_have_the_answers_that_are_taught() {
    let book = |median_class, familiarity| decide(&Evidence { median_class, familiarity, ..content() }).by_the_book;
    assert_eq!(book(15, known(Some(0.7), 0.9)), Strategy::TrainHead);
    assert_eq!(book(500, known(Some(0.7), 0.9)), Strategy::DeeperHead);
    assert_eq!(book(15, known(Some(0.1), 0.3)), Strategy::CollectMore);
    assert_eq!(book(500, known(None, 0.3)), Strategy::OtherBackbone);
    assert_eq!(Similarity::of(&known(None, 0.9)), Similarity::Near);
    assert_eq!(Similarity::of(&known(None, 0.7)), Similarity::Between);
}

#[test]
fn a_power_law_is_found_again_from_its_own_points() {
    let truth = PowerLaw { scale: 0.9, exponent: 0.5, floor: 0.05 };
    let point = |pictures: f64| Measured { pictures, asked: 1e4, errors: 1e4 * truth.error(pictures) };
    let found = PowerLaw::fit(&[12.0, 24.0, 36.0, 48.0].map(point)).unwrap();
    assert!((found.exponent - 0.5).abs() < 1e-9 && (found.scale - 0.9).abs() < 1e-6, "{found:?}");
    // 0.05 + 0.9 / sqrt(144) = 0.125
    assert!((found.error(144.0) - 0.125).abs() < 1e-6);
    assert!((found.pictures_for(0.125).unwrap() - 144.0).abs() < 1e-3);
    assert!(found.pictures_for(0.04).is_none(), "below the floor");
}

#[test]
fn errors_that_do_not_fall_make_a_flat_law() {
    let flat = [10.0, 20.0, 40.0].map(|pictures| Measured { pictures, asked: 100.0, errors: 10.0 + pictures / 20.0 });
    let law = PowerLaw::fit(&flat).unwrap();
    assert_eq!(law.scale, 0.0);
    assert!((law.error(1000.0) - law.error(10.0)).abs() < 1e-12 && (law.floor - 0.11).abs() < 0.005);
    assert!(PowerLaw::fit(&flat[..1]).is_none(), "one point has no slope");
}

#[test]
fn a_comparison_counts_the_pictures_that_only_one_gets_right() {
    use crate::dataset::{GroupId, SampleId};
    use crate::head::Answers;
    use crate::labels::{ClassIndex, Labels};
    let labels = Labels::new(["a", "b"].map(|name| Label::new(name).unwrap()).to_vec()).unwrap();
    let answers = |first: i64, right: [bool; 4]| Answers {
        labels: labels.clone(),
        ids: (first..first + 4).map(SampleId).collect(),
        groups: (0..4).collect(),
        truth: vec![ClassIndex(0); 4],
        probabilities: ndarray::Array2::from_shape_fn(
            (4, 2),
            |(row, class)| {
                if (class == 0) == right[row] { 0.9 } else { 0.1 }
            },
        ),
    };
    // Shared are 1, 2, 3: right of one: no, yes, yes; of the other: no, no, yes.
    let compared = compare(&answers(0, [true, false, true, true]), &answers(1, [false, false, true, true])).unwrap();
    assert_eq!(compared.samples, 3);
    assert!((compared.gain - 1.0 / 3.0).abs() < 1e-12 && (compared.accuracy - 2.0 / 3.0).abs() < 1e-12);
    // ((1 + 0 + 1) / 3 - 1/9) / 3
    assert!((compared.error - (5.0 / 27.0f64).sqrt()).abs() < 1e-12);
    assert!(compare(&answers(0, [true; 4]), &answers(4, [true; 4])).is_none());
    // All of one burst: gaps of 1, 1, 0, 0 about 1/2 sum to nothing; in two bursts of two to 1 and -1.
    let (one, other) = (answers(0, [true; 4]), answers(0, [false, false, true, true]));
    let error =
        |group: fn(SampleId) -> i64| compare_grouped(&one, &other, &|id| GroupId(group(id))).unwrap().error * 4.0;
    assert!((error(|_| 0) - 1.0).abs() < 1e-12 && (error(|id| id.0 / 2) - 3f64.sqrt()).abs() < 1e-12);
    assert!((error(|id| id.0) - 2f64.sqrt()).abs() < 1e-12);
}

/// A curve of `each` pictures of two classes asked at every point, of which the first is wrong as `law` says and the
/// second never.
fn curve(law: &PowerLaw, each: i64) -> LearningCurve {
    use super::curve::Outcome;
    use crate::dataset::SampleId;
    let point = |share: f64| {
        let pictures = share * 80.0;
        let wrong = (law.error(pictures) * each as f64).round() as i64;
        let outcome = |id: i64| {
            let class = usize::from(id >= each);
            (SampleId(id), Outcome { class, asked: 1.0, right: f64::from(u8::from(id >= wrong)) })
        };
        let class = |name, right: i64| ClassPoint {
            label: Label::new(name).unwrap(),
            pictures,
            asked: each as f64,
            right: right as f64,
        };
        CurvePoint {
            share,
            pictures,
            accuracy: 1.0 - wrong as f64 / (2.0 * each as f64),
            per_class: vec![class("hard", each - wrong), class("easy", each)],
            outcomes: (0..2 * each).map(outcome).collect(),
        }
    };
    LearningCurve { head: HeadKind::Ridge, points: [0.25, 0.5, 0.75, 1.0].map(point).to_vec() }
}

#[test]
fn a_curve_is_carried_on_and_the_class_that_needs_pictures_is_named() {
    // 0.4 at 20 pictures, 0.2 at 80, 0.1 at 320.
    let law = PowerLaw { scale: 0.4 * 20f64.sqrt(), exponent: 0.5, floor: 0.0 };
    let projection = project(&curve(&law, 400), &[100, 100], 0.9, 1).unwrap();
    let (doubled, quadrupled) = (1.0 - law.error(160.0) / 2.0, 1.0 - law.error(320.0) / 2.0);
    assert!((projection.doubled.middle - doubled).abs() < 0.01, "{:?} {doubled}", projection.doubled);
    assert!((projection.quadrupled.middle - quadrupled).abs() < 0.015, "{:?} {quadrupled}", projection.quadrupled);
    assert!((projection.doubled.low..projection.doubled.high).contains(&doubled));
    let [hard, easy] = &projection.classes[..] else { panic!("two classes") };
    assert_eq!((hard.label.as_str(), hard.share_of_errors, easy.more_for_target), ("hard", 1.0, Some(0)));
    assert!((hard.doubled.middle - (1.0 - law.error(160.0))).abs() < 0.02, "{hard:?}");
    // A tenth of errors takes four times the pictures: three times a hundred more.
    assert!((200..500).contains(&hard.more_for_target.unwrap()), "{hard:?}");
    assert_eq!(projection, project(&curve(&law, 400), &[100, 100], 0.9, 1).unwrap(), "the same seed says the same");
}

#[test]
fn fewer_pictures_make_a_wider_forecast() {
    let law = PowerLaw { scale: 0.4 * 20f64.sqrt(), exponent: 0.5, floor: 0.0 };
    let width = |each| {
        let doubled = project(&curve(&law, each), &[100, 100], 0.9, 1).unwrap().doubled;
        doubled.high - doubled.low
    };
    assert!(width(30) > 2.0 * width(400), "{} {}", width(30), width(400));
}
