//! Which heads are tried: what is asked for, or what a budget allows by a count of multiplications, so that the choice
//! does not depend on how busy the machine is.

use super::fit::FitError;
use super::report::LeftOut;
use super::{HeadChoice, HeadKind, Task};

/// Multiplications a second of one core.
const SPEED: f64 = 2e10;
/// For a head with steps that nobody asked for, in seconds.
const AFFORDABLE: f64 = 0.5;

/// The heads that can do a task.
pub struct Offer {
    pub task: Task,
    pub choice: HeadChoice,
    /// In seconds; see [`super::FitOptions::budget`].
    pub budget: Option<f64>,
    /// From the simplest, with the multiplications for cross-validating and fitting.
    pub work: Vec<(HeadKind, f64)>,
}

impl Offer {
    /// The kinds to try, from the simplest, and those left out.
    ///
    /// # Errors
    /// When the head that is asked for cannot do the task.
    pub fn kinds(&self) -> Result<(Vec<HeadKind>, Vec<LeftOut>), FitError> {
        let HeadChoice::Only(kind) = self.choice else { return Ok(self.affordable()) };
        if self.work.iter().any(|(offered, _)| *offered == kind) {
            return Ok((vec![kind], Vec::new()));
        }
        let offered = self.work.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>().join(" or ");
        Err(FitError::HeadOfTask { task: self.task, offered, got: kind })
    }

    fn affordable(&self) -> (Vec<HeadKind>, Vec<LeftOut>) {
        let (mut kinds, mut left_out, mut spent) = (Vec::new(), Vec::new(), 0.0);
        for &(kind, work) in &self.work {
            let seconds = work / SPEED;
            let (fits, limit) = match self.budget {
                // The simplest is always tried: there must be a head.
                Some(budget) => (kinds.is_empty() || spent + seconds <= budget, (budget - spent).max(0.0)),
                None => (kind.is_linear() || seconds <= AFFORDABLE, AFFORDABLE),
            };
            if fits {
                spent += seconds;
                kinds.push(kind);
                continue;
            }
            let budget = (spent + seconds).ceil();
            let reason = format!(
                "takes about {seconds:.1} s of one core, with {limit:.1} s left; --budget {budget} or --head {kind} tries it"
            );
            left_out.push(LeftOut { head: kind, reason });
        }
        (kinds, left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(choice: HeadChoice, budget: Option<f64>) -> Offer {
        let work = vec![(HeadKind::Ridge, SPEED), (HeadKind::Softmax, 2.0 * SPEED), (HeadKind::Mlp, 4.0 * SPEED)];
        Offer { task: Task::Classification, choice, budget, work }
    }

    fn tried(budget: Option<f64>) -> Vec<HeadKind> {
        offer(HeadChoice::Auto, budget).kinds().unwrap().0
    }

    #[test]
    fn without_a_budget_every_linear_head_is_tried() {
        assert_eq!(tried(None), [HeadKind::Ridge, HeadKind::Softmax]);
    }

    #[test]
    fn a_budget_is_spent_from_the_simplest_on() {
        assert_eq!(tried(Some(0.0)), [HeadKind::Ridge]);
        assert_eq!(tried(Some(3.0)), [HeadKind::Ridge, HeadKind::Softmax]);
        assert_eq!(tried(Some(5.0)), [HeadKind::Ridge, HeadKind::Softmax]);
        assert_eq!(tried(Some(7.0)).len(), 3);
        let (_, left_out) = offer(HeadChoice::Auto, Some(5.0)).kinds().unwrap();
        assert_eq!(left_out[0].head, HeadKind::Mlp);
        assert_eq!(
            left_out[0].reason,
            "takes about 4.0 s of one core, with 2.0 s left; --budget 7 or --head mlp tries it"
        );
    }

    #[test]
    fn a_head_that_cannot_do_the_task_is_refused() {
        let error = offer(HeadChoice::Only(HeadKind::Lda), None).kinds().unwrap_err();
        assert_eq!(error.to_string(), "expected ridge or softmax or mlp for classification, got lda");
        assert_eq!(offer(HeadChoice::Only(HeadKind::Mlp), Some(0.0)).kinds().unwrap().0, [HeadKind::Mlp]);
    }
}
