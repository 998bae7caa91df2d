//! `samples doctor`: what looks wrong among the stored samples, and the command that mends it.

mod files;
mod findings;
mod fix;
mod text;

use std::collections::HashMap;
use std::time::Instant;

use crate::cli::context::{Context, explain};
use crate::cli::engine::current;
use crate::cli::failure::{OrHint, failure};
use crate::cli::shell::Shell;
use crate::dataset::SampleId;
use crate::head::{FitOptions, diagnose};
use crate::store::{Filter, SampleRow, Selection, Store};
use findings::Findings;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many findings of each kind the text shows; JSON has all
    #[arg(long, default_value_t = 10, value_name = "N")]
    show: usize,
    /// Decides which pictures share a fold
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    fix: fix::Args,
}

/// What the findings are made from.
struct Examined<'a> {
    rows: HashMap<SampleId, SampleRow>,
    shell: &'a Shell,
}

impl Examined<'_> {
    fn path(&self, id: SampleId) -> String {
        self.rows.get(&id).map(|row| row.source.clone()).unwrap_or_default()
    }

    fn removal(&self, id: SampleId) -> String {
        self.shell.edgetl(["samples", "remove", "--id", &id.0.to_string()])
    }

    fn relabelling(&self, id: SampleId, to: &str) -> String {
        let id = id.0.to_string();
        match to.starts_with('-') {
            true => self.shell.edgetl(["samples", "relabel", "--id", &id, "--", to]),
            false => self.shell.edgetl(["samples", "relabel", to, "--id", &id]),
        }
    }
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let mut store = context.existing_store()?;
    let findings = examine(args, context, &store)?;
    match args.fix.plan(&findings)? {
        Some(plan) => plan.carry_out(&mut store, context),
        None => {
            context.output.result(&findings, || findings.text(args.show, &Shell::new(context)))?;
            Ok(())
        }
    }
}

fn examine(args: &Args, context: &Context, store: &Store) -> anyhow::Result<Findings> {
    let start = Instant::now();
    let package = current(context, store)?;
    let dataset = explain(store.dataset(&package.fingerprint(), &Selection::default()))?;
    if dataset.is_empty() {
        return Err(failure(
            "expected stored samples for training, got none",
            "collect labelled pictures first: edgetl collect FOLDER",
        ));
    }
    let options = FitOptions { seed: args.seed, ..FitOptions::default() };
    let diagnosis = diagnose(&dataset, &options).or_hint("`edgetl collect` adds pictures of another class")?;
    let rows = store.samples(&Filter::default())?;
    let shell = Shell::new(context);
    let examined = Examined { rows: rows.iter().map(|row| (row.id, row.clone())).collect(), shell: &shell };
    let mut findings = Findings::new(&diagnosis, &examined);
    findings.tiny = files::tiny(&rows, &package.manifest().preprocess, &examined);
    findings.sources = files::sources(&rows, &examined);
    findings.backbone = package.manifest().name.clone();
    findings.fingerprint = package.fingerprint().to_string();
    findings.samples = dataset.len();
    findings.seconds = start.elapsed().as_secs_f64();
    Ok(findings)
}
