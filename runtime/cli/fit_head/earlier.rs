//! Whether earlier maps are learned from, in words.

use crate::head::{EarlierMapsReport, FitReport};

pub fn text(fit: &FitReport) -> Option<String> {
    let EarlierMapsReport { last, earlier, used, gain, error, reason, .. } = fit.earlier_maps.as_ref()?;
    let measured = match (gain, error) {
        (Some(gain), Some(error)) => format!("loss out of fold {} with them, ± {error:.3}", change(*gain)),
        _ => reason.clone().unwrap_or_else(|| "nothing could be held out".to_owned()),
    };
    Some(match used {
        true => {
            format!("learned from the {last} features of the last map and the {earlier} of an earlier one: {measured}")
        }
        false => {
            format!("learned from the {last} features of the last map, not the {earlier} of an earlier one: {measured}")
        }
    })
}

fn change(gain: f64) -> String {
    if gain >= 0.0 { format!("{gain:.3} less") } else { format!("{:.3} more", -gain) }
}
