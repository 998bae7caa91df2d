//! `samples doctor`: what looks wrong among the stored samples, and the command that mends it.

mod files;
mod findings;
mod fix;
mod reserve;
mod text;

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Instant;

use crate::cli::context::Context;
use crate::cli::remedy::OrRemedy as _;
use crate::cli::shell::Shell;
use crate::dataset::SampleId;
use crate::device::Examination;
use crate::store::{Filter, SampleRow, Store};
use findings::Findings;
use reserve::Reserve;

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
    rows: HashMap<SampleId, &'a SampleRow>,
    shell: &'a Shell,
    reserve: RefCell<Reserve<'a>>,
}

impl Examined<'_> {
    fn path(&self, id: SampleId) -> String {
        self.rows.get(&id).map(|row| row.source.clone()).unwrap_or_default()
    }

    /// Whether a finding may propose to take this sample out of its class.
    fn can_go(&self, id: SampleId) -> bool {
        self.rows.get(&id).is_none_or(|row| self.reserve.borrow_mut().take(row))
    }

    /// What is proposed for a sample that its class cannot spare: to look at it.
    fn look(&self, id: SampleId) -> String {
        self.shell.edgetl(["samples", "list", "--id", &id.0.to_string()])
    }

    fn removal(&self, id: SampleId) -> String {
        if !self.can_go(id) {
            return self.look(id);
        }
        self.shell.edgetl(["samples", "remove", "--id", &id.0.to_string()])
    }

    fn relabelling(&self, id: SampleId, to: &str) -> String {
        if !self.can_go(id) {
            return self.look(id);
        }
        let id = id.0.to_string();
        match to.starts_with('-') {
            true => self.shell.edgetl(["samples", "relabel", "--id", &id, "--", to]),
            false => self.shell.edgetl(["samples", "relabel", to, "--id", &id]),
        }
    }
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let mut store = context.existing_store()?;
    let rows = store.samples(&Filter::default())?;
    let findings = examine(args, context, &store, &rows)?;
    match args.fix.plan(&findings, &rows)? {
        Some(plan) => plan.carry_out(&mut store, context),
        None => {
            context.output.result(&findings, || findings.text(args.show, &Shell::new(context)))?;
            Ok(())
        }
    }
}

fn examine(args: &Args, context: &Context, store: &Store, rows: &[SampleRow]) -> anyhow::Result<Findings> {
    let start = Instant::now();
    let Examination { backbone, samples, diagnosis, .. } =
        context.device().examine(store, args.seed, None).or_remedy()?;
    let shell = Shell::new(context);
    let reserve = RefCell::new(Reserve::new(rows));
    let examined = Examined { rows: rows.iter().map(|row| (row.id, row)).collect(), shell: &shell, reserve };
    let mut findings = Findings::new(&diagnosis, &examined);
    findings.tiny = files::tiny(rows, &backbone.preprocess, &examined);
    findings.sources = files::sources(rows, &examined);
    findings.backbone = backbone.name.to_string();
    findings.fingerprint = backbone.fingerprint().to_string();
    findings.samples = samples;
    findings.seconds = start.elapsed().as_secs_f64();
    Ok(findings)
}
