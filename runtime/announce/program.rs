//! A program for each notice, which reads it on its standard input.

use std::io::Write as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::settings::ProgramSettings;
use super::tries::Tries;
use super::{NotTaken, Notice, Receiver};
use crate::processes::{Farewell, lead_a_group, tell_group, without_secrets};
use crate::threads::spawn;

/// In which a program must be done; then it is ended, with all that it started.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often one that fails is started.
const TRIES: usize = 3;

pub(super) struct Program {
    words: Vec<String>,
    tried: Tries,
}

impl Program {
    pub fn new(settings: &ProgramSettings) -> Self {
        Self { words: settings.command.clone(), tried: Tries::default() }
    }

    fn run(&self, notice: &Notice) -> Result<(), String> {
        let name = &self.words[0];
        let mut command = Command::new(name);
        command.args(&self.words[1..]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        lead_a_group(&mut command);
        without_secrets(&mut command);
        let mut child = command.spawn().map_err(|error| format!("cannot start `{name}`: {error}"))?;
        give(&mut child, format!("{}\n", notice.json));
        match ended(&mut child) {
            Ok(Some(status)) if status.success() => Ok(()),
            Ok(Some(status)) => Err(format!("`{name}` failed: {status}")),
            Ok(None) => Err(format!("`{name}` was not done after {} s", PATIENCE.as_secs())),
            Err(error) => Err(format!("`{name}`: {error}")),
        }
    }
}

/// From a thread of its own, since a program may not read.
fn give(child: &mut Child, line: String) {
    let mut input = child.stdin.take().expect("piped");
    // One that does not read may do its work all the same.
    let _ = spawn("program input", move || drop(input.write_all(line.as_bytes())));
}

fn ended(child: &mut Child) -> std::io::Result<Option<ExitStatus>> {
    let by = Instant::now() + PATIENCE;
    let mut wait = Duration::from_millis(1);
    let mut status = child.try_wait()?;
    while status.is_none() && Instant::now() < by {
        std::thread::sleep(wait);
        wait = (wait * 2).min(Duration::from_millis(50));
        status = child.try_wait()?;
    }
    if status.is_none() {
        tell_group(child, Farewell::Kill);
        child.wait()?;
    }
    Ok(status)
}

impl Receiver for Program {
    fn take(&mut self, notice: &Notice) -> Result<(), NotTaken> {
        let Err(failed) = self.run(notice) else { return Ok(()) };
        Err(if self.tried.count(notice) < TRIES { NotTaken::Yet(failed) } else { NotTaken::Ever(failed) })
    }
}
