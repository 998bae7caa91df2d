//! `pair`: lets phones in, lists them and takes their tokens back, beside a running service.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use serde::Serialize;

use super::context::Context;
use super::failure::{OrHint as _, failure};
use super::output::{Output, table};
use crate::clock::date;
use crate::digest::Digest;
use crate::printable::printable;
use crate::serve::{Reach, TlsError, half_blocks, in_two_lines, pairing_url, qr_rows};
use crate::store::{Moment, Offer, PairingRight, Phone, PhoneList, Phones, PhonesError, StateDir};

/// A line of a terminal.
const WIDTH: usize = 80;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Let the phone look and not change anything
    #[arg(long)]
    read_only: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// The phones that were let in, and when each last asked
    List,
    /// Take a phone's token back: it has no access from that moment on
    Withdraw {
        /// Its number or its name
        phone: String,
    },
}

/// What a phone needs to come in.
#[derive(Serialize)]
struct Invitation {
    url: String,
    /// In groups, to be typed.
    code: String,
    /// Until when it holds.
    ends: String,
    /// SHA-256 of the certificate; `None` where the service speaks no TLS.
    certificate: Option<String>,
}

#[derive(Serialize)]
struct Row {
    number: u64,
    name: String,
    right: PairingRight,
    paired: String,
    used: Option<String>,
}

#[derive(Serialize)]
struct Withdrawn {
    number: u64,
    name: String,
}

pub fn run(args: Args, context: &Context) -> anyhow::Result<()> {
    let phones = Phones::of(&context.state);
    match args.command {
        None => invite(args.read_only, &phones, context),
        Some(Command::List) => list(&phones, context.output),
        Some(Command::Withdraw { phone }) => withdraw(&phone, &phones, context.output),
    }
}

fn invite(read_only: bool, phones: &Phones, context: &Context) -> anyhow::Result<()> {
    let reach = running(&context.state)?;
    read(phones)?;
    let right = if read_only { PairingRight::Read } else { PairingRight::Write };
    let invitation = Invitation::new(&reach, phones, right).or_hint(WRITABLE)?;
    invitation.show(context.output)?;
    Ok(())
}

const WRITABLE: &str =
    "the state folder must belong to who runs this: as another user than the one of the service it needs root (sudo)";

/// How clients get to the service that runs on `state`.
fn running(state: &StateDir) -> anyhow::Result<Reach> {
    let start = "start one: edgetl serve --address 0.0.0.0:8443 --tls self-signed; with another state folder, name it: --state DIR";
    let shown = printable(&state.path().to_string_lossy()).into_owned();
    let kept =
        Reach::of(state).with_context(|| format!("cannot read what service runs on `{shown}`")).or_hint(WRITABLE)?;
    match kept {
        Some(reach) if reach.is_answered() => Ok(reach),
        Some(reach) => Err(failure(format!("nothing answers at {} any more", reach.listening()), start)),
        None => Err(failure(
            format!(
                "no service that needs a token runs on `{shown}`; one on this machine alone (127.0.0.1) needs none, and no phone reaches it"
            ),
            start,
        )),
    }
}

impl Invitation {
    fn new(reach: &Reach, phones: &Phones, right: PairingRight) -> Result<Self, PhonesError> {
        let Offer { code, ends } = phones.offer(right, &Moment::now())?;
        let (url, ends) = (pairing_url(&reach.page(), &code), date(ends));
        Ok(Self { url, code: code.grouped(), ends, certificate: reach.certificate.clone() })
    }

    fn show(&self, output: Output) -> io::Result<()> {
        let rows = qr_rows(&self.url).filter(|rows| rows.len() <= WIDTH);
        if output == Output::Text
            && io::stdout().is_terminal()
            && let Some(rows) = rows
        {
            output.black_on_white(&half_blocks(&rows))?;
        }
        output.result(self, || self.text())
    }

    fn text(&self) -> String {
        let mut lines = vec![
            format!("let a phone in: {}", self.url),
            format!("or open the address without what stands behind #, and type {}", self.code),
            format!("holds for one phone until {}", self.ends),
        ];
        if let Some(digest) = self.certificate.as_ref().and_then(|text| text.parse::<Digest>().ok()) {
            lines.push("the phone warns of the certificate unless it knows who signed it; its SHA-256 is".to_owned());
            lines.extend(in_two_lines(&digest).map(|line| format!("  {line}")));
        }
        lines.join("\n")
    }
}

/// Where somebody sits before the terminal and phones can get here, the first is let in without another command.
pub fn show_at_start(output: Output, reach: &Reach, state: &StateDir) -> io::Result<()> {
    if reach.is_open || !reach.is_beyond_loopback() || output != Output::Text {
        return Ok(());
    }
    if !io::stdout().is_terminal() {
        let certificate = reach.certificate.as_ref().and_then(|text| text.parse::<Digest>().ok());
        if let Some(certificate) = certificate {
            tracing::info!("SHA-256 of the certificate: {certificate}");
        }
        tracing::info!("`edgetl pair` lets a phone in");
        return Ok(());
    }
    match Invitation::new(reach, &Phones::of(state), PairingRight::Write) {
        Ok(invitation) => invitation.show(output),
        Err(error) => {
            tracing::warn!("no phone can be let in: {}", crate::causes::causes(&error));
            Ok(())
        }
    }
}

fn list(phones: &Phones, output: Output) -> anyhow::Result<()> {
    let rows: Vec<Row> = read(phones)?.phones.into_iter().map(Row::of).collect();
    output.result(&rows, || {
        if rows.is_empty() {
            return "no phone was let in yet: edgetl pair".to_owned();
        }
        let lines = rows.iter().map(|row| {
            let used = row.used.as_deref().unwrap_or("-");
            let right = if row.right == PairingRight::Read { "look" } else { "change" };
            [row.name.clone(), row.number.to_string(), right.to_owned(), short(&row.paired), short(used)]
        });
        table(["phone", "number", "may", "let in", "last asked"], lines)
    })?;
    Ok(())
}

fn withdraw(asked: &str, phones: &Phones, output: Output) -> anyhow::Result<()> {
    let known = read(phones)?.phones;
    let found = meant(asked, &known)?.map(|phone| phones.withdraw(phone.number));
    let gone = found.transpose().or_hint(WRITABLE)?.flatten();
    let Some(Phone { number, name, .. }) = gone else {
        return Err(failure(
            format!("expected the number or name of a phone that was let in, got `{}`", printable(asked)),
            "`edgetl pair list` shows them",
        ));
    };
    output.result(&Withdrawn { number, name: name.clone() }, || {
        format!("`{}` has no access any more", printable(&name))
    })?;
    Ok(())
}

/// The phone of that number or else of that name; who means one must not withdraw another.
fn meant<'a>(asked: &str, known: &'a [Phone]) -> anyhow::Result<Option<&'a Phone>> {
    let by_number = known.iter().find(|phone| asked.parse() == Ok(phone.number));
    let by_name = known.iter().find(|phone| phone.name == asked);
    match (by_number, by_name) {
        (Some(one), Some(other)) if one.number != other.number => {
            let [first, second] = [one, other].map(|phone| format!("{} `{}`", phone.number, printable(&phone.name)));
            let said = format!("`{}` is the number of phone {first} and the name of phone {second}", printable(asked));
            Err(failure(said, "remove it on the page instead: Set up, Phones"))
        }
        (by_number, by_name) => Ok(by_number.or(by_name)),
    }
}

/// The list, with what helps where it cannot be read.
fn read(phones: &Phones) -> anyhow::Result<PhoneList> {
    phones.read().map_err(|error| match &error {
        PhonesError::Damaged { path, .. } => {
            let remedy = format!("`rm {}` lets the service begin a new list; phones then pair again", path.display());
            failure(crate::causes::causes(&error), remedy)
        }
        _ => failure(crate::causes::causes(&error), WRITABLE),
    })
}

impl Row {
    fn of(Phone { number, name, right, paired, used, .. }: Phone) -> Self {
        Self { number, name, right, paired: date(paired), used: used.map(date) }
    }
}

/// What can be done about TLS that does not start.
pub fn remedy(error: &TlsError) -> &'static str {
    match error {
        TlsError::Keep { .. } | TlsError::Make(_) => WRITABLE,
        TlsError::OtherKey { .. } | TlsError::Unusable { .. } => {
            "name both files of one certificate: tls = { certificate = \"FILE\", key = \"FILE\" } in [serve], or --tls CERTIFICATE,KEY"
        }
        TlsError::Encrypted(_) => "this writes it without its password: openssl pkey -in KEY -out NEW",
        _ => "both files are PEM, the certificate first in its chain; `--tls self-signed` needs none and makes its own",
    }
}

/// To the minute.
fn short(date: &str) -> String {
    date.get(..16).map_or_else(|| date.to_owned(), |minute| minute.replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone(number: u64, name: &str) -> Phone {
        let (right, token) = (PairingRight::Write, Digest::of(name.as_bytes()));
        Phone { number, name: name.to_owned(), right, token, paired: 0, used: None }
    }

    #[test]
    fn a_phone_is_meant_by_its_number_or_its_name_and_never_by_those_of_two() {
        let known = [phone(1, "2"), phone(2, "Pixel"), phone(3, "3")];
        let number = |asked: &str| meant(asked, &known).unwrap().map(|phone| phone.number);
        assert_eq!(["1", "Pixel", "3", "4", ""].map(number), [Some(1), Some(2), Some(3), None, None]);
        let refused = meant("2", &known).unwrap_err().to_string();
        assert!(refused.contains("2 `Pixel`") && refused.contains("1 `2`"), "{refused}");
    }
}
