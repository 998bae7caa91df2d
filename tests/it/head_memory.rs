//! A fit keeps within a memory budget: it leaves out by name what does not fit, and nothing else depends on the budget.

use crate::head_data::clusters;
use edgetl::head::{FitError, FitOptions, HeadArtifact, HeadChoice, HeadKind, fit};

fn fitted(memory: Option<u64>, head: HeadChoice) -> Result<HeadArtifact, FitError> {
    fit(&clusters(3, 100, 40), &FitOptions { memory, head, ..FitOptions::default() })
}

#[test]
fn what_does_not_fit_into_memory_is_left_out_by_name_with_the_reason() {
    let head = fitted(Some(200_000), HeadChoice::Auto).unwrap();
    let report = head.report();
    assert_eq!(report.head, HeadKind::Prototype);
    let names: Vec<HeadKind> = report.left_out.iter().map(|left| left.head).collect();
    assert_eq!(names, [HeadKind::Lda, HeadKind::Ridge, HeadKind::Softmax, HeadKind::Mlp]);
    for left in &report.left_out {
        assert!(left.reason.ends_with("of memory, with 200 kB allowed"), "{}", left.reason);
        assert!(left.memory.is_some_and(|bytes| bytes > 200_000));
    }
}

#[test]
fn a_budget_in_which_no_head_fits_is_one_error_that_says_what_is_needed() {
    for head in [HeadChoice::Auto, HeadChoice::Only(HeadKind::Softmax)] {
        let error = fitted(Some(10_000), head).unwrap_err();
        assert!(matches!(error, FitError::Memory { samples: 300, limit: 10_000, .. }), "{error}");
    }
    let error = fitted(Some(200_000), HeadChoice::Only(HeadKind::Softmax)).unwrap_err();
    assert!(matches!(error, FitError::Memory { needed: 200_001.., .. }), "{error}");
}

#[test]
fn the_head_is_the_same_whether_folds_are_fitted_at_once_or_one_after_another() {
    let room = |head| match fitted(Some(1), head).unwrap_err() {
        FitError::Memory { needed, .. } => needed,
        error => panic!("{error}"),
    };
    for kind in [HeadKind::Softmax, HeadKind::Mlp] {
        let only = HeadChoice::Only(kind);
        // Not even the features fit into one byte; what the head needs is asked for with room for them alone.
        let features = room(only);
        let Err(FitError::Memory { needed, .. }) = fitted(Some(features), only) else { panic!("{kind}") };
        let (narrow, wide) = (fitted(Some(needed), only).unwrap(), fitted(Some(u64::MAX), only).unwrap());
        assert!(narrow.head() == wide.head(), "{kind}");
        assert_eq!(narrow.report().cv(), wide.report().cv(), "{kind}");
    }
}
