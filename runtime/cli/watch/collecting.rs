//! `watch --collect`: what a camera sees now is all of one class.

use std::sync::atomic::Ordering;

use serde::Serialize;

use crate::camera::Source;
use crate::cli::context::Context;
use crate::cli::failure::failure;
use crate::cli::interrupt;
use crate::cli::output::{Output, count};
use crate::cli::remedy::OrRemedy as _;
use crate::device::Device;
use crate::labels::Label;
use crate::store::Filter;
use crate::watch::{Burst, BurstError, CameraSettings, Choices, Collected, Opens, Taken};

/// What is said at the end.
#[derive(Serialize)]
struct Summary {
    label: Label,
    /// Whether no sample had the label.
    new_class: bool,
    #[serde(flatten)]
    collected: Collected,
}

pub fn run(
    context: &Context,
    device: Device,
    (cameras, choices): (&[(String, CameraSettings)], Choices),
    label: &Label,
) -> anyhow::Result<()> {
    for (name, settings) in cameras {
        if settings.source == Source::Push || settings.gate == Some(Opens::Trigger) {
            let said = format!("expected a camera that gives frames by itself, got `{name}`, which waits for somebody");
            return Err(failure(said, "`edgetl collect FOLDER` takes pictures that are files"));
        }
    }
    let counts = device.store().or_remedy()?.counts_by_label(&Filter::default())?;
    let new_class = !counts.contains_key(&Some(label.clone()));
    let stop = interrupt::catch()?;
    let output = context.output;
    let is_asked = || stop.load(Ordering::SeqCst);
    let burst = explained(Burst::start(device, cameras, choices, label.clone()))?;
    if burst.is_off() {
        return Err(failure("every camera that was named is off", "switch one on in the page of `edgetl serve`"));
    }
    tracing::info!("whatever is before the camera is collected as `{label}` until Ctrl-C");
    let collected = explained(burst.run(&is_asked, &mut |taken| told(output, taken)))?;
    let summary = Summary { label: label.clone(), new_class, collected };
    output.result(&summary, || summary.text())?;
    Ok(())
}

fn explained<T>(result: Result<T, BurstError>) -> anyhow::Result<T> {
    match result {
        Err(BurstError::Device(error)) => Err(error).or_remedy(),
        Err(BurstError::Told(error)) => Err(error.into()),
        other => Ok(other?),
    }
}

fn told(output: Output, taken: &Taken) -> std::io::Result<()> {
    let Taken { camera, at, label, id, .. } = taken;
    output.result(taken, || format!("{}Z  {camera}  {label}, sample {id}", &at.to_string()[..19]))
}

impl Summary {
    fn text(&self) -> String {
        let Self { label, collected: Collected { stored, twins, poor, failed }, .. } = self;
        let poor = poor.iter().map(|(fault, number)| format!("{number} {fault}"));
        let twins = (*twins > 0).then(|| format!("{twins} much like one before"));
        let failed = (*failed > 0).then(|| format!("{failed} unusable"));
        let left_out: Vec<String> = twins.into_iter().chain(poor).chain(failed).collect();
        let left_out = if left_out.is_empty() { String::new() } else { format!("; left out: {}", left_out.join(", ")) };
        let new_class = if self.new_class { format!("\n`{label}` is a new class") } else { String::new() };
        let way = if *stored > 0 { "\n`edgetl fit-head` learns from it" } else { "" };
        format!("{} of `{label}`{left_out}{new_class}{way}", count(*stored, "new sample"))
    }
}
