//! `explain`: where a head looks and which stored pictures it is reminded of, picture by picture and for a whole set.

mod one;
mod sheet;

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use serde::Serialize;

use super::context::Context;
use super::engine::EngineArgs;
use super::failure::{AlreadyReported, OrHint, WrongUsage};
use super::output::{count, percent, shown};
use super::progress::Progress;
use super::remedy::OrRemedy as _;
use crate::atomic_file;
use crate::causes::causes;
use crate::device::{Explainer, Outlook};
use crate::explain::Region;
use crate::files;
use crate::labels::Label;
use crate::printable::printable;
use crate::sources::{self, Item};
use crate::store::HeadVersion;
use one::{Line, Picture};
use sheet::{ClassLine, SheetMaker};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Pictures; or a folder or list, as for `collect`, for a sheet of all of it
    #[arg(value_name = "PICTURE|SOURCE", required = true)]
    images: Vec<PathBuf>,
    /// Where the overlays and the sheet, index.html, go
    #[arg(long, value_name = "DIR", default_value = "explained")]
    out: PathBuf,
    /// Explain these classes, with commas between, or all of them [default: what is said]
    #[arg(long = "class", value_name = "LABELS|all", value_delimiter = ',')]
    classes: Vec<String>,
    /// Beside each map that of this version of the head
    #[arg(long, value_name = "VERSION")]
    versus: Option<HeadVersion>,
    /// Also the smallest boxes that hold 80 % of each map
    #[arg(long = "box")]
    boxes: bool,
    /// Where the object is, as LEFT,TOP,WIDTH,HEIGHT in shares of the picture [default: all but the border]
    #[arg(long, value_name = "L,T,W,H", value_parser = region)]
    region: Option<Region>,
    /// Use this version of the head instead of the live one
    #[arg(long, value_name = "VERSION")]
    head_version: Option<HeadVersion>,
    #[command(flatten)]
    engine: EngineArgs,
}

/// What is to be explained.
struct Wanted {
    /// Each with whether it was named by itself.
    items: Vec<(Item, bool)>,
    refused: Vec<sources::Refused>,
}

/// What is said of the whole set.
#[derive(Serialize)]
struct Summary {
    sheet: String,
    pictures: usize,
    failed: usize,
    /// None where no picture has a label.
    classes: Vec<ClassLine>,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let Wanted { items, refused } = args.pictures()?;
    let device = context.device_on(&args.engine);
    let mut explainer = device.explainer(args.head_version, args.versus).or_remedy()?;
    let outlook = args.outlook(&explainer)?;
    let no_folder = || format!("cannot make the folder `{}`", args.out.display());
    fs::create_dir_all(&args.out).with_context(no_folder)?;
    let mut sheet = SheetMaker::new(args.region.unwrap_or(Region::Middle), args.region.is_some());
    let (mut failed, mut used) = (refused.len(), HashSet::new());
    for refused in &refused {
        Line::failed(&files::name_of(&refused.path), causes(&refused.error)).print(context)?;
    }
    let many = items.iter().any(|(_, named)| !named);
    let mut progress = many.then(|| Progress::new("explaining", items.len(), context.quiet));
    for (item, named) in &items {
        let name = files::name_of(&item.path);
        let line = match args.explain(&mut explainer, item, &outlook) {
            Err(error) => {
                failed += 1;
                Line::failed(&name, causes(error.as_ref()))
            }
            Ok(explanation) => {
                let picture =
                    Picture { name, item, explanation, head: explainer.head(), provider: explainer.provider() };
                sheet.add(&picture, &device);
                let overlays = if *named { picture.write_overlays(&args.out, &mut used)? } else { Vec::new() };
                picture.line(&overlays, args.boxes)
            }
        };
        if let Some(progress) = &mut progress {
            progress.advance();
        }
        // A set is told by its sheet; picture by picture only to a program.
        if *named || context.output.is_json() || line.is_failure() {
            line.print(context)?;
        }
    }
    drop(progress);
    args.summary(sheet, (&explainer, failed), context)?;
    if failed > 0 { Err(AlreadyReported.into()) } else { Ok(()) }
}

impl Args {
    fn pictures(&self) -> anyhow::Result<Wanted> {
        let (mut items, mut refused) = (Vec::new(), Vec::new());
        for image in &self.images {
            if image.is_dir() || sources::is_list(image) {
                let found = sources::scan(image).or_hint("name pictures, or a folder of folders named after labels")?;
                items.extend(found.items.into_iter().map(|item| (item, false)));
                refused.extend(found.refused);
                found.remarks.iter().for_each(|remark| tracing::warn!("{remark}"));
            } else {
                items.push((Item::unlabelled(image.clone()), true));
            }
        }
        Ok(Wanted { items, refused })
    }

    fn outlook(&self, explainer: &Explainer) -> anyhow::Result<Outlook> {
        let known = explainer.head().artifact.labels();
        match self.classes.as_slice() {
            [] => Ok(Outlook::Said),
            [all] if all == "all" => Ok(Outlook::All),
            named => {
                let label = |name: &String| {
                    let label = Label::known(name).ok().filter(|label| known.index_of(label).is_some());
                    let expected = || known.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                    label.ok_or_else(|| WrongUsage(format!("expected classes out of {}, got `{name}`", expected())))
                };
                Ok(Outlook::Named(named.iter().map(label).collect::<Result<_, _>>()?))
            }
        }
    }

    fn explain(
        &self,
        explainer: &mut Explainer,
        item: &Item,
        outlook: &Outlook,
    ) -> anyhow::Result<crate::device::Explanation> {
        let bytes = crate::preprocess::read_file(&item.path, explainer.limits())?;
        Ok(explainer.explain(&bytes, outlook, one::TOP)?)
    }

    fn summary(
        &self,
        sheet: SheetMaker,
        (explainer, failed): (&Explainer, usize),
        context: &Context,
    ) -> anyhow::Result<()> {
        let file = self.out.join("index.html");
        let pictures = sheet.pictures();
        let (page, classes) = sheet.finish(explainer, context)?;
        atomic_file::replace(&file, page.html().as_bytes())
            .with_context(|| format!("cannot write `{}`", file.display()))?;
        let summary = Summary { sheet: file.display().to_string(), pictures, failed, classes };
        context.output.result(&summary, || {
            let mut lines: Vec<String> = summary.classes.iter().filter_map(|class| class.warning.clone()).collect();
            let right: usize = summary.classes.iter().map(|class| class.right).sum();
            let of: usize = summary.classes.iter().map(|class| class.pictures).sum();
            if of > 0 {
                lines.push(format!("{right} of {of} right ({})", percent(right as f64 / of as f64)));
            }
            lines.push(format!("{} of {}", shown(&file), count(pictures, "picture")));
            lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n")
        })?;
        Ok(())
    }
}

fn region(text: &str) -> Result<Region, String> {
    let expected =
        || format!("expected LEFT,TOP,WIDTH,HEIGHT in shares of the picture, as 0.2,0.2,0.6,0.6, got `{text}`");
    let numbers: Vec<f64> =
        text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>().map_err(|_| expected())?;
    let [left, top, width, height] = numbers.try_into().map_err(|_| expected())?;
    let inside = left >= 0.0 && top >= 0.0 && width > 0.0 && height > 0.0 && left + width <= 1.0 && top + height <= 1.0;
    inside.then_some(Region::Named { left, top, width, height }).ok_or_else(expected)
}
