use proptest::prelude::*;

use super::Moment;
use super::decision::*;

fn said(second: u64, label: &str, score: f32) -> Look {
    Look::Said { said: Said { at: Moment(second * 1000), label: label.to_owned(), score }, decided: false }
}

fn nothing(second: u64) -> Look {
    Look::Nothing { at: Moment(second * 1000), nothing: "unknown".to_owned() }
}

/// The events, as `kind label at`.
fn told(rules: Rules, looks: impl IntoIterator<Item = Look>) -> Vec<String> {
    let mut decision = Decision::new(rules);
    let changes = looks.into_iter().flat_map(|look| decision.take(look));
    changes.map(|change| format!("{:?} {} {}", change.event, change.label, change.at.0 / 1000)).collect()
}

/// One answer a second of 0.9 for each letter; a dot is nothing, a small letter is a score of 0.7.
fn looks(text: &str) -> Vec<Look> {
    let look = |(second, letter): (usize, char)| match letter {
        '.' => nothing(second as u64),
        letter if letter.is_lowercase() => said(second as u64, &letter.to_uppercase().to_string(), 0.7),
        letter => said(second as u64, &letter.to_string(), 0.9),
    };
    text.chars().enumerate().map(look).collect()
}

#[test]
fn a_state_changes_with_the_third_equal_answer_in_a_row() {
    let rules = Rules::default;
    assert_eq!(told(rules(), looks("AABAAA")), ["Started A 5"]);
    assert_eq!(told(rules(), looks("AAABBAABBB")), ["Started A 2", "Changed B 9"]);
    assert_eq!(told(rules(), looks("A.A..A")), ["Started A 5"], "unknown counts for nothing");
    assert_eq!(told(rules(), looks("AAbbbBbB")), [""; 0], "a weak answer is none");
    assert_eq!(told(Rules { in_a_row: 1, ..rules() }, looks("AB")), ["Started A 0", "Changed B 1"]);
}

#[test]
fn a_weaker_answer_for_what_holds_interrupts_another() {
    assert_eq!(told(Rules::default(), looks("AAABBaB")), ["Started A 2"]);
    let without = Rules { hysteresis: 0.0, ..Rules::default() };
    assert_eq!(told(without, looks("AAABBaB")), ["Started A 2", "Changed B 6"]);
}

#[test]
fn what_was_decided_stays_for_the_time_it_is_to_hold() {
    let rules = Rules { hold: 6.0, ..Rules::default() };
    assert_eq!(told(rules, looks("AAABBBBBBBAAA")), ["Started A 2", "Changed B 8"]);
}

#[test]
fn a_head_with_an_operating_point_has_decided_itself_unless_a_threshold_is_set() {
    let weak = |second| match said(second, "A", 0.3) {
        Look::Said { said, .. } => Look::Said { said, decided: true },
        other => other,
    };
    assert_eq!(told(Rules::default(), (0..3).map(weak)), ["Started A 2"]);
    let rules = Rules { threshold: Some(0.5), ..Rules::default() };
    assert!(told(rules, (0..3).map(weak)).is_empty());
}

#[test]
fn a_visit_is_named_when_enough_agree_corrected_later_and_over_when_nobody_is_seen() {
    let rules = || Rules { mode: Mode::Visit, ..Rules::default() };
    assert_eq!(told(rules(), looks("ABA")), ["Started A 2"], "two of three are 67 %");
    assert_eq!(told(rules(), looks("ABCABA")), [""; 0], "3 of 6 are not enough");
    assert_eq!(told(rules(), looks("AAABBBBBBBB")), ["Started A 2", "Changed B 7"]);
    assert_eq!(told(rules(), looks("AAA.....A")), ["Started A 2", "Ended A 7"]);
    assert_eq!(told(rules(), looks("AA.....AA")), [""; 0], "two visits, neither long enough");
    let mut decision = Decision::new(rules());
    looks("AAA").into_iter().for_each(|look| drop(decision.take(look)));
    assert_eq!(decision.pass(Moment(6_999)), None);
    let over = decision.pass(Moment(60_000)).unwrap();
    assert_eq!((over.event, over.at, over.since), (Kind::Ended, Moment(7_000), Some(Moment(2_000))));
    assert_eq!(decision.pass(Moment(90_000)), None);
}

#[test]
fn a_clock_that_is_set_back_by_an_hour_stops_nothing() {
    let rules = Rules { mode: Mode::Visit, hold: 2.0, ..Rules::default() };
    let mut decision = Decision::new(rules);
    let hour = 3600;
    let mut told = Vec::new();
    let before = looks("AAA").into_iter().map(|look| moved(look, hour));
    let after = looks("BBBBBBBB.......").into_iter();
    before.chain(after).for_each(|look| told.extend(decision.take(look)));
    let events: Vec<_> = told.iter().map(|change| (change.event, change.label.as_str())).collect();
    assert_eq!(events, [(Kind::Started, "A"), (Kind::Changed, "B"), (Kind::Ended, "B")]);
    assert_eq!(told[2].at, Moment(12_000));

    let mut decision = Decision::new(Rules { mode: Mode::Visit, ..Rules::default() });
    looks("AAA").into_iter().for_each(|look| drop(decision.take(moved(look, hour))));
    assert!(decision.is_moved_by(Moment(9_000)));
    assert_eq!(decision.pass(Moment(9_000)), None, "the clock was set");
    assert!(!decision.is_moved_by(Moment(13_999)));
    assert_eq!(decision.pass(Moment(14_000)).map(|change| change.event), Some(Kind::Ended));
}

/// So many seconds later.
fn moved(look: Look, seconds: u64) -> Look {
    match look {
        Look::Said { said, decided } => {
            Look::Said { said: Said { at: Moment(said.at.0 + seconds * 1000), ..said }, decided }
        }
        Look::Nothing { at, nothing } => Look::Nothing { at: Moment(at.0 + seconds * 1000), nothing },
    }
}

#[test]
fn an_event_has_its_evidence() {
    let mut decision = Decision::new(Rules::default());
    let mut changes = Vec::new();
    looks("AAABBB").into_iter().for_each(|look| changes.extend(decision.take(look)));
    let Change { was, since, score, evidence, why, .. } = changes.pop().unwrap();
    assert_eq!((was.as_deref(), since, why.as_str()), (Some("A"), Some(Moment(2000)), "3 equal answers in a row"));
    assert!((score.unwrap() - 0.9).abs() < 1e-6);
    assert_eq!(evidence.iter().map(|said| said.at.0).collect::<Vec<_>>(), [3000, 4000, 5000]);
    assert_eq!(decision.holds(), Some(("B", Moment(5000))));
}

#[test]
fn rules_outside_their_range_are_refused() {
    assert!(Rules::default().check().is_ok());
    let error = Rules { consensus: 60.0, ..Rules::default() }.check().unwrap_err();
    assert_eq!(error.to_string(), "expected `consensus` from 0 to 1, got 60");
    for rules in [
        Rules { in_a_row: 0, ..Rules::default() },
        Rules { tries: 21, ..Rules::default() },
        Rules { hold: -1.0, ..Rules::default() },
        Rules { threshold: Some(f32::NAN), ..Rules::default() },
    ] {
        assert!(rules.check().is_err(), "{rules:?}");
    }
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let modes = prop_oneof![Just(Mode::State), Just(Mode::Visit)];
    (modes, 1..5_usize, 1..6_usize, 0.0..1.0_f32, 0.0..0.3_f32, 0.0..20.0_f32, 0.0..10.0_f32).prop_map(
        |(mode, in_a_row, tries, consensus, hysteresis, hold, gone_after)| Rules {
            mode,
            in_a_row,
            tries,
            consensus,
            hysteresis,
            hold,
            gone_after,
            threshold: None,
        },
    )
}

/// Answers whose clock mostly goes forward.
fn any_looks() -> impl Strategy<Value = Vec<Look>> {
    let look = (0..4_u8, 0.6..1.0_f32, prop_oneof![9 => 0..4_i64, 1 => -9..0_i64]);
    proptest::collection::vec(look, 0..80).prop_map(|all| {
        let mut second = 100_i64;
        let made = all.into_iter().map(|(class, score, step)| {
            second += step;
            match class {
                3 => nothing(second as u64),
                class => said(second as u64, ["A", "B", "C"][usize::from(class)], score),
            }
        });
        made.collect()
    })
}

proptest! {
    /// One starts, any number change, and of visits one ends; each says truly what held before, and none repeats it.
    #[test]
    fn events_tell_a_story_without_a_gap(rules in any_rules(), looks in any_looks()) {
        let mut decision = Decision::new(rules.clone());
        let mut holds: Option<(String, Moment)> = None;
        let mut last = Moment(0);
        for change in looks.into_iter().flat_map(|look| decision.take(look)).collect::<Vec<_>>() {
            prop_assert!(change.at >= last, "time goes forward");
            last = change.at;
            match change.event {
                Kind::Started => prop_assert!(holds.is_none() && change.was.is_none()),
                Kind::Changed => {
                    let (label, since) = holds.clone().unwrap();
                    prop_assert_eq!((change.was.clone(), change.since), (Some(label.clone()), Some(since)));
                    prop_assert_ne!(&label, &change.label);
                    prop_assert!(change.at.since(since).as_secs_f32() >= rules.hold);
                }
                Kind::Ended => {
                    prop_assert_eq!(rules.mode, Mode::Visit);
                    prop_assert_eq!(holds.as_ref().map(|(label, _)| label), Some(&change.label));
                }
            }
            if change.event != Kind::Ended {
                let agree = change.evidence.iter().filter(|said| said.label == change.label).count();
                match rules.mode {
                    Mode::State => prop_assert_eq!((agree, change.evidence.len()), (rules.in_a_row, rules.in_a_row)),
                    Mode::Visit => prop_assert!(agree as f32 >= rules.consensus * change.evidence.len() as f32),
                }
            }
            holds = (change.event != Kind::Ended).then_some((change.label, change.at));
            prop_assert!(change.evidence.len() <= 20);
        }
    }

    #[test]
    fn what_counts_for_nothing_changes_no_state(looks in any_looks(), at in 0..80_usize) {
        let rules = Rules::default();
        let place = at.min(looks.len());
        let mut more = looks.clone();
        // Later than all before it, and not later than what follows.
        let moment = looks[..place].iter().map(Look::at).max().unwrap_or_default();
        more.insert(place, Look::Nothing { at: moment, nothing: "unknown".to_owned() });
        prop_assert_eq!(told(rules.clone(), looks), told(rules, more));
    }
}
