//! `samples export`: samples as other programs read them.

use std::path::Path;

use crate::cli::context::Context;
use crate::cli::output::count;
use crate::cli::remedy::OrRemedy as _;
use crate::printable::printable;
use crate::store::Filter;

pub fn run(context: &Context, filter: &Filter, folder: &Path) -> anyhow::Result<()> {
    let exported = context.device().export(filter, folder).or_remedy()?;
    let (rows, columns) = exported.features;
    let report = serde_json::json!({
        "samples": exported.samples, "pictures": exported.pictures, "without_picture": exported.without_picture,
        "features": [rows, columns],
    });
    context.output.result(&report, || {
        let gone = match exported.without_picture {
            0 => String::new(),
            gone => format!("; {} gone or changed since", count(gone, "picture")),
        };
        format!(
            "{} in `{}`: {}, samples.csv, features.npy ({rows} x {columns}){gone}",
            count(exported.samples, "sample"),
            printable(&folder.to_string_lossy()),
            count(exported.pictures, "picture"),
        )
    })?;
    Ok(())
}
