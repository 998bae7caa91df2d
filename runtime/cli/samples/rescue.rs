//! `samples rescue`: what can be read of a damaged store.

use crate::cli::context::Context;
use crate::cli::output::count;
use crate::cli::remedy::OrRemedy as _;
use crate::printable::printable;
use crate::store::rescue;

pub fn run(context: &Context) -> anyhow::Result<()> {
    let path = context.state.database();
    let rescued = rescue(&path).map_err(crate::device::DeviceError::from).or_remedy()?;
    let moved_to = rescued.moved_to.to_string_lossy().into_owned();
    let report = serde_json::json!({
        "samples": rescued.samples, "features": rescued.features, "damaged": rescued.damaged,
        "unreadable": rescued.unreadable, "pictures": rescued.pictures, "moved_to": moved_to,
    });
    let aside = match rescued.pictures {
        0 => String::new(),
        pictures => format!(
            "\n{} of cameras that belong to none of these are in `pictures.damaged`",
            count(pictures, "picture")
        ),
    };
    context.output.result(&report, || {
        format!(
            "{} with {} kept; {} did not match, {} could not be read\nthe damaged store is now `{}`; `edgetl collect FOLDER` \
             stores what is missing{aside}",
            count(rescued.samples, "sample"),
            count(rescued.features, "feature vector"),
            count(rescued.damaged, "row"),
            count(rescued.unreadable, "row"),
            printable(&moved_to)
        )
    })?;
    Ok(())
}
