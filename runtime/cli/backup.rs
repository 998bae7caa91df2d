//! `backup` and `restore`: a whole state as one file, and back.

use std::path::PathBuf;

use serde::Serialize;

use super::context::Context;
use super::output::count;
use super::remedy::OrRemedy as _;
use crate::device::BackupReport;
use crate::printable::printable;

#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    /// Where to write it; a file that is there is replaced once the new one is complete
    file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// What `backup` wrote
    file: PathBuf,
}

#[derive(Serialize)]
struct Report {
    samples: usize,
    heads: usize,
    backbones: usize,
    bytes: u64,
}

pub fn back_up(args: &BackupArgs, context: &Context) -> anyhow::Result<()> {
    let report = Report::of(context.device().back_up(&args.file).or_remedy()?);
    context.output.result(&report, || format!("{} in `{}`", report.text(), printable(&args.file.to_string_lossy())))?;
    Ok(())
}

pub fn restore(args: &RestoreArgs, context: &Context) -> anyhow::Result<()> {
    let device = context.device();
    let report = Report::of(device.restore(&args.file).or_remedy()?);
    let state = device.state().path().to_string_lossy().into_owned();
    context.output.result(&report, || format!("{} restored to `{}`", report.text(), printable(&state)))?;
    Ok(())
}

impl Report {
    fn of(BackupReport { samples, heads, backbones, bytes, .. }: BackupReport) -> Self {
        Self { samples, heads, backbones, bytes }
    }

    fn text(&self) -> String {
        format!(
            "{}, {}, {}, {:.1} MB",
            count(self.samples, "sample"),
            count(self.heads, "head"),
            count(self.backbones, "backbone"),
            self.bytes as f64 / 1e6
        )
    }
}
