//! Whether the pictures are enough, in a line.

use crate::advice::NextClass;

/// What a few more pictures of one class would bring.
pub fn text(next: Option<&NextClass>) -> String {
    let Some(next) = next else {
        return "more pictures: no class gains a point from as many again".to_owned();
    };
    let whole = |share: f64| format!("{:.0}", share * 100.0);
    let (label, now) = (&next.label, next.pictures);
    match (next.now, next.then) {
        (Some(right), Some(then)) => format!(
            "more pictures: about {} more of {label} (now {now}): {} -> {} % of them named right ({} to {} %)",
            next.more,
            whole(right),
            whole(then.middle),
            whole(then.low),
            whole(then.high)
        ),
        _ => format!(
            "more pictures: at least {} more of {label} (now {now}), to know how well it is told apart",
            next.more
        ),
    }
}
